"""The commands put together, and what every one of them promises: exit codes and errors of one line."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from lavaprune.cli import (
    bench,
    compare,
    deep,
    demo,
    energy,
    evaluate,
    export,
    fit,
    overhead,
    report,
    reproduce,
    search,
    sweep,
    train,
)
from lavaprune.errors import LavapruneError

DONE, FAILED, WRONG_INPUT = 0, 1, 2
DEBUG_VARIABLE = "LAVAPRUNE_DEBUG"
_LIBRARY_INTERRUPTED = 130  # what the command-line library returns after Ctrl-C

app = typer.Typer(
    name="lavaprune",
    help="Spiking networks that learn and prune themselves on Lava, every synaptic event counted and priced.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _module in (demo, train, evaluate, sweep, reproduce, search, energy, compare, overhead, fit, export, report, bench):
    app.command(_module.NAME)(_module.command)
app.add_typer(deep.app, name=deep.NAME)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lavaprune {importlib.metadata.version('lavaprune')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options before any command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 the run failed, 2 the user's input is wrong.

    Every error is one line on stderr. With ``LAVAPRUNE_DEBUG=1`` the traceback stands before it.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default ``sys.argv[1:]``.
    """
    _log_to_stderr()
    try:
        code = app(args=None if arguments is None else list(arguments), prog_name="lavaprune", standalone_mode=False)
        if code == _LIBRARY_INTERRUPTED:
            raise KeyboardInterrupt
        return DONE
    except LavapruneError as error:
        return _report(error, str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort) as error:
        return _report(error, "interrupted", FAILED)
    except BrokenPipeError:
        # Whoever read our output has gone; the flush at exit must not complain about it either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    except Exception as error:
        # The command-line library's own errors describe themselves, whichever copy of it defines them.
        describe = getattr(error, "format_message", None)
        if callable(describe):
            return _report(error, describe(), WRONG_INPUT)
        return _report(error, f"{type(error).__name__}: {error} (unexpected; {DEBUG_VARIABLE}=1 shows where)", FAILED)


def _report(error: BaseException, message: str, code: int) -> int:
    if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    with contextlib.suppress(OSError):  # the exit code counts even where nobody can be told
        print(f"lavaprune: error: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return code


def _log_to_stderr() -> None:
    logger = logging.getLogger("lavaprune")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
