"""What every test may ask for."""

import hypothesis

pytest_plugins = ["tests.rig.fixtures"]

# The same examples in every run: a suite that fails by chance teaches people to run it again.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")
