"""What a check says of a spec: its findings and its shapes, as an object, a table and HTML."""
