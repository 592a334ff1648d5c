"""Data files in TOML: reading them, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import tomli

from lavaprune.energy.errors import EnergyError


def read_toml(owner: str, path: Path, error: type[EnergyError]) -> dict[str, object]:
    """Return what a TOML file holds.

    Parameters
    ----------
    owner : str
        What the error is about; begins its message.
    path : Path
    error : type of EnergyError

    Raises
    ------
    error
        In one line, if the file cannot be read or is no TOML in UTF-8.
    """
    try:
        return tomli.loads(path.read_bytes().decode("utf-8"))
    except OSError as problem:
        raise error(f"{owner}: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise error(f"{owner}: not UTF-8 text") from None
    except (ValueError, RecursionError) as problem:  # ValueError: an integer of thousands of digits, too
        raise error(f"{owner}: not valid TOML: {' '.join(str(problem).split())}") from None


def checked_table(
    owner: str, name: str, value: object, known: Iterable[str], error: type[EnergyError]
) -> dict[str, object]:
    """Return a table whose keys are all known; raise `error` otherwise."""
    if not isinstance(value, dict):
        raise error(f"{owner}: {name} is {value!r}; allowed: a table")
    refuse_other_keys(f"{owner}: {name}", value, known, error)
    return value


def refuse_other_keys(owner: str, table: Mapping[str, object], known: Iterable[str], error: type[EnergyError]) -> None:
    """Raise `error` if the table has a key that is not known."""
    allowed = tuple(known)
    unknown = [repr(key) for key in table if key not in allowed]
    if unknown:
        raise error(f"{owner}: unknown {', '.join(unknown)}; known: {', '.join(allowed)}")


def checked_text(owner: str, name: str, value: object, error: type[EnergyError]) -> str:
    """Return a text that is not blank; raise `error` otherwise."""
    if not isinstance(value, str) or not value.strip():
        raise error(f"{owner}: {name} is {value!r}; allowed: a text that is not empty")
    return value


def checked_choice(owner: str, name: str, value: object, allowed: tuple[str, ...], error: type[EnergyError]) -> str:
    """Return one of `allowed`; raise `error` otherwise."""
    if not isinstance(value, str) or value not in allowed:
        raise error(f"{owner}: {name} is {value!r}; allowed: {', '.join(allowed)}")
    return value
