"""Show specs, models and fits in IPython and Jupyter: what ``%load_ext seqtopo`` brings."""
