"""Every code there is, one row each: its number, its short name, how grave it is, and its page.

Numbers by phase: ST1xx the text, ST2xx its meaning, ST3xx shapes, ST4xx building, ST9xx our own bug.
"""
