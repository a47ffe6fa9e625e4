"""Explain each refusal that the resolver recorded, and propose fixes, each of which was verified."""
