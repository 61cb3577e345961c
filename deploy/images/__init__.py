"""Build the three images and rehearse them as the manifests run them: `make images`."""
