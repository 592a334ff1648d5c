"""SWEEP.toml: which configurations a sweep runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lavaprune.configuration import NO_PRESET, PRESETS, build_settings, merge, read_toml, validate
from lavaprune.errors import InputError
from lavaprune.settings import Settings
from lavaprune.sweeps.identity import config_sha256

MOST_CONFIGURATIONS = 100_000
_NAMES = ("preset", "presets", "seeds", "set", "grid")
_SET_OTHERWISE = {"preset": "preset = ... or presets = [...]", "seed": "seeds = [...]"}


def read_sweep(path: Path) -> list[Settings]:
    """Read a sweep and multiply its grids out; configurations that are the same run occur once.

    Every preset is combined with every point of every ``[[grid]]`` and every seed. ``[set]`` changes settings in
    all of them. Names of settings are as after ``--set``, as tables, or in quotes.

    Examples
    --------
    ::

        preset = "mnist-100"
        seeds = [1, 2, 3]

        [set]
        label_images = 10000

        [[grid]]
        pruning.method = ["apt", "aptn"]
        pruning.threshold = [0.05, 0.1]

        [[grid]]
        pruning.method = "none"

    Raises
    ------
    InputError
        In one line, naming the file, the table and the setting.
    """
    given = read_toml(path)
    for name in given:
        if name not in _NAMES:
            raise InputError(f"{path}: {name!r} is unknown; allowed: {', '.join(_NAMES)}")
    common = _changes(f"{path}: [set]", given.get("set", {}))
    presets = _presets(path, given)
    seeds = _seeds(path, given.get("seeds"))
    grids = _grids(path, given)
    n_points = sum(math.prod(len(values) for values in axes.values()) for _, axes in grids)
    n_configurations = n_points * len(presets) * max(1, len(seeds))
    if n_configurations > MOST_CONFIGURATIONS:
        raise InputError(f"{path}: has {n_configurations} configurations; allowed: 1 .. {MOST_CONFIGURATIONS}")
    found: dict[str, Settings] = {}
    for preset, (owner, axes) in itertools.product(presets, grids):
        for point in _points(axes):
            for seed in seeds or (None,):
                changes = {**common, **point, **({} if seed is None else {"seed": seed})}
                settings = _settings(owner, preset, changes)
                found.setdefault(config_sha256(settings), settings)
    return list(found.values())


def _settings(owner: str, preset: str | None, changes: Mapping[str, Any]) -> Settings:
    try:
        dataset = changes.get("dataset")
        # Without a preset, the data set's own, as on the command line.
        named = [f'dataset="{dataset}"'] if preset is None and isinstance(dataset, str) else []
        values = build_settings(None, preset, named).to_dict()
        for name, value in changes.items():
            for part in reversed(name.split(".")):
                value = {part: value}
            merge(values, value)
        return validate(values)
    except InputError as error:
        raise InputError(f"{owner}: {error}") from None


def _presets(path: Path, given: Mapping[str, Any]) -> list[str | None]:
    if "preset" in given and "presets" in given:
        raise InputError(f"{path}: has both 'preset' and 'presets'; allowed: one of the two")
    if "preset" in given:
        names = [given["preset"]]
    else:
        names = given.get("presets", [None])
    allowed = (*PRESETS, NO_PRESET)
    if not isinstance(names, list) or not names:
        raise InputError(f"{path}: 'presets' is {names!r}; allowed: a list of {' | '.join(allowed)}")
    for name in names:
        if not (name in allowed if isinstance(name, str) else name is None):
            raise InputError(f"{path}: preset is {name!r}; allowed: {' | '.join(allowed)}")
    return names


def _seeds(path: Path, seeds: Any) -> list[int]:
    if seeds is None:
        return []
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise InputError(f"{path}: 'seeds' is {seeds!r}; allowed: a list of integers, for example [1, 2, 3]")
    return seeds


def _grids(path: Path, given: Mapping[str, Any]) -> list[tuple[str, dict[str, list[Any]]]]:
    """Each grid's name for errors, and its values by the dotted name of the setting."""
    grids = given.get("grid")
    if grids is None:
        return [(f"{path}: [set]", {})]
    if not isinstance(grids, list) or not grids or not all(isinstance(grid, Mapping) for grid in grids):
        raise InputError(f"{path}: 'grid' is {_kind(grids)}; allowed: tables [[grid]]")
    return [(f"{path}: [[grid]] {i}", _axes(f"{path}: [[grid]] {i}", grid)) for i, grid in enumerate(grids, 1)]


def _axes(owner: str, grid: Mapping[str, Any]) -> dict[str, list[Any]]:
    axes = {
        name: value if isinstance(value, list) else [value] for name, value in _changes(owner, grid).items()
    }
    if not axes:
        raise InputError(f"{owner}: is empty; allowed: settings with lists of values")
    for name, values in axes.items():
        if not values:
            raise InputError(f"{owner}: setting {name!r} is []; allowed: a value, or a list of at least one")
    return axes


def _points(axes: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _changes(owner: str, table: Any) -> dict[str, Any]:
    """A table's settings by dotted name, whether they stand there as tables or with a quoted dotted name."""
    if not isinstance(table, Mapping):
        raise InputError(f"{owner}: is {_kind(table)}; allowed: a table of settings")
    flat: dict[str, Any] = {}
    for name, value in _flattened("", table):
        if name in flat:
            raise InputError(f"{owner}: setting {name!r} occurs twice; allowed: once")
        if name in _SET_OTHERWISE:
            raise InputError(f"{owner}: setting {name!r} cannot be set there; allowed: {_SET_OTHERWISE[name]}")
        flat[name] = value
    return flat


def _flattened(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flattened(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _kind(value: Any) -> str:
    return "empty" if value in ([], {}) else f"a {type(value).__name__}"
