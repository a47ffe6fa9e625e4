"""The page on which a spec is tried in a browser: what answers it, and the server of ``seqtopo play``."""
