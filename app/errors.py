"""The errors that lavaprune shows to its user: one line each, and an exit code."""

from __future__ import annotations


class LavapruneError(Exception):
    """Base of every error that is reported in one line instead of a traceback.

    The message names the owner (a file, a setting, a folder), the quantity, its value and what is allowed.
    Line breaks in it become single blanks, so that the command line can promise one line.

    Attributes
    ----------
    exit_code : int
        What ``lavaprune`` exits with.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class InputError(LavapruneError):
    """The user's input is wrong: a file, a setting, a folder, an argument. Exit code 2."""

    exit_code = 2


class RunError(LavapruneError):
    """The input was right and the run failed: its process died, the watchdog fired. Exit code 1."""

    exit_code = 1
