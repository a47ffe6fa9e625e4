"""Masks and ids: padding that is forgotten, and embeddings that are given what they cannot look up."""

from __future__ import annotations
