"""The rules, one module a subject; each function bears the code of what it finds."""
