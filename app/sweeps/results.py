"""The results of sweeps: one Parquet file in a folder, one row for each configuration, written by one coordinator."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lavaprune.configuration import validate
from lavaprune.errors import InputError, RunError
from lavaprune.files import atomic_file, writable_folder
from lavaprune.settings import Settings
from lavaprune.sweeps.identity import config_sha256
from lavaprune.sweeps.rows import KEY, SCHEMA, settings_json

RESULTS = "results.parquet"
LOCK = ".lock"
_NEEDED = (KEY, "settings_json", "data_sha256", "accuracy")


def load_results(out: Path) -> pa.Table:
    """The results in a folder, with the columns of `SCHEMA`; an empty table where there are none yet.

    Columns that the file does not have are null. A run from before a setting existed is known by its settings with
    that one at its default.

    Raises
    ------
    InputError
        In one line: the file cannot be read, is damaged, or is not the results of a sweep.
    """
    path = out / RESULTS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return SCHEMA.empty_table()
    except OSError as error:
        raise InputError(f"{path}: results cannot be read ({error.strerror or error})") from None
    try:
        found = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: not a Parquet file, or damaged ({error})") from None
    table = _checked(path, found)
    keys = table[KEY].to_pylist()
    if len(set(keys)) < len(keys):
        raise InputError(f"{path}: a configuration has {len(keys) - len(set(keys)) + 1} rows; allowed: 1")
    return _renamed(table)


def rows_for(table: pa.Table, configurations: Iterable[Settings]) -> list[dict[str, Any]]:
    """The rows of configurations, as dicts, in their order.

    Raises
    ------
    InputError
        If one has no row.
    """
    keys = [config_sha256(settings) for settings in configurations]
    place = {key: index for index, key in enumerate(table[KEY].to_pylist())}
    missing = sum(key not in place for key in keys)
    if missing:
        raise InputError(f"results: {missing} of {len(keys)} configurations have no row; allowed: finished runs")
    return list(table.take([place[key] for key in keys]).to_pylist())


class ResultsFile:
    """The results in a folder, for the one that may write them; see `open_results`."""

    def __init__(self, out: Path) -> None:
        self.path = out / RESULTS
        self.table = load_results(out)

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows of configurations that have none yet; the file holds all or none of them at any time."""
        self.table = pa.concat_tables([self.table, pa.Table.from_pylist(list(rows), SCHEMA)]).combine_chunks()
        try:
            with atomic_file(self.path) as temporary:
                pq.write_table(self.table, temporary)
        except OSError as error:
            raise RunError(f"{self.path}: results cannot be written ({error.strerror or error})") from None


@contextlib.contextmanager
def open_results(out: Path) -> Iterator[ResultsFile]:
    """Open, or begin, the results in a folder for writing; nobody else can until the block ends.

    The lock is the system's: it goes with the process, however that ends.

    Raises
    ------
    InputError
        The folder cannot be written, its results cannot be read, or another sweep is writing to it.
    """
    with contextlib.ExitStack() as stack:
        try:
            with writable_folder(out):
                lock = stack.enter_context(open(out / LOCK, "ab"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"results folder {out}: another sweep is writing to it; allowed: one at a time") from None
        except OSError as error:
            raise InputError(f"results folder {out}: cannot be written ({error.strerror or error})") from None
        yield ResultsFile(out)


def _checked(path: Path, found: pa.Table) -> pa.Table:
    """The table with the columns of `SCHEMA` in their order."""
    missing = [name for name in _NEEDED if name not in found.column_names]
    if missing or (SCHEMA.metadata or {}).items() - (found.schema.metadata or {}).items():
        raise InputError(f"{path}: not the results of a sweep" + (f" (no column {missing[0]!r})" if missing else ""))
    unknown = [name for name in found.column_names if name not in SCHEMA.names]
    if unknown:
        raise InputError(f"{path}: column {unknown[0]!r} is unknown; allowed: {', '.join(SCHEMA.names)}")
    columns = []
    for wanted in SCHEMA:
        if wanted.name not in found.column_names:
            columns.append(pa.nulls(len(found), wanted.type))
            continue
        column = found[wanted.name]
        if column.type != wanted.type:
            raise InputError(f"{path}: column {wanted.name!r} is {column.type}; allowed: {wanted.type}")
        if wanted.name in _NEEDED and column.null_count:
            raise InputError(f"{path}: column {wanted.name!r} has {column.null_count} empty rows; allowed: 0")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _renamed(table: pa.Table) -> pa.Table:
    """Give the rows whose settings were fewer than today's the keys that they have today."""
    today = _names(Settings().to_dict())
    keys, texts = table[KEY].to_pylist(), table["settings_json"].to_pylist()
    changed = False
    for row, text in enumerate(texts):
        # Settings that exist no more are never asked for.
        with contextlib.suppress(ValueError, InputError, RecursionError):
            values = json.loads(text)
            if _names(values) != today:
                settings = validate(values)
                keys[row], texts[row] = config_sha256(settings), settings_json(settings)
                changed = True
    if not changed or len(set(keys)) < len(keys):
        return table
    for name, column in ((KEY, keys), ("settings_json", texts)):
        table = table.set_column(SCHEMA.names.index(name), SCHEMA.field(name), pa.array(column, pa.string()))
    return table


def _names(values: dict[str, Any]) -> set[str]:
    nested = {f"{name}.{key}" for name, part in values.items() if isinstance(part, dict) for key in part}
    return nested | set(values)


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files that a killed worker left among the prefixes."""
    for path in folder.glob(".*"):
        with contextlib.suppress(OSError):
            os.unlink(path)
