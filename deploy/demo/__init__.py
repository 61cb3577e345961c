"""`make demo`: the main job, live, on nothing but what PyPI holds."""
