"""Compute faster what stock Keras layers compute, with one module for each backend.

``kernel`` says what a kernel is, ``attaching`` puts kernels into the layers of a model, ``listing`` tells
which layer has which. The running backend's module is the only one that is imported.
"""
