"""``python -m lavaprune``: the command line."""

import sys

from lavaprune.cli import main

if __name__ == "__main__":
    sys.exit(main())
