"""The command line: one module per command."""

from lavaprune.cli.application import main

__all__ = ["main"]
