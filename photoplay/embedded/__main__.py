"""Starts the supervisor of a data folder; see `photoplay.embedded.supervisor`."""

from __future__ import annotations

import sys

from photoplay.embedded.supervisor import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
