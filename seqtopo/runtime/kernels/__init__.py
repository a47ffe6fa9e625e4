"""Compute what stock Keras layers compute by faster kernels, with one module for each backend.

``attaching`` defines a kernel and puts kernels into the layers of a model; ``listing`` tells which layer has
which. Only the running backend's module is imported.
"""
