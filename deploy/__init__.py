"""How the gateway is run: the demo, images and manifests."""
