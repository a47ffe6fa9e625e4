"""Topologies that other programs write, as specs."""
