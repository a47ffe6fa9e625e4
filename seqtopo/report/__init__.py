"""Report a check: its findings and its shapes, as an object, a table and HTML."""
