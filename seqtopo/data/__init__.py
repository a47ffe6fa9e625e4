"""Data against a spec: what arrays hold, read from their headers where that is enough."""
