"""The `photoplay` command: one file a group of commands, results on stdout, the rest on stderr."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code."""
    from photoplay.cli.root import run

    run()
