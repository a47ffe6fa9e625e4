"""``python -m seqtopo``: the command line."""

import sys

from seqtopo.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
