"""Which runs the figures and tables are made of: `grids.toml`, read, checked and turned into settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import tomli

from lavaprune.configuration import merge, read_preset, validate
from lavaprune.errors import InputError
from lavaprune.settings import PruningSettings, Settings

GRIDS = "grids.toml"
PRESETS = ("mnist-100", "mnist-800", "fashion-100", "fashion-800")
LABEL_IMAGES = 10_000
QUICK_PRESET = "mnist-100"
# Images of a quick run: a tenth of everything about training, so that there are as many pruning events.
QUICK: dict[str, Any] = {"train_images": 6_000, "label_images": 1_000, "test_images": 1_000}
QUICK_DIVISOR = 10
_OWN_KEYS = ("label", "panel", "best", "paper", "like", "seeds", "at_10_percent", "at_17_percent")


@dataclass(frozen=True)
class Series:
    """Runs that make one curve: one pruning setting takes several values, the others stay.

    Attributes
    ----------
    key : str
        Name in the grids.
    label : str
        For legends.
    swept : str
        Pruning setting that varies; empty where there is one point only.
    points : tuple of tuples of Settings
        Of each point, one for each seed.
    panel : str
        Which part of a figure it belongs to; empty where that needs no name.
    best, paper : bool
        Whether it has our best factor (chosen on validation images), or the factor that the paper found best.
    """

    key: str
    label: str
    swept: str
    points: tuple[tuple[Settings, ...], ...]
    panel: str = ""
    best: bool = False
    paper: bool = False

    def settings(self) -> list[Settings]:
        """All runs."""
        return [each for point in self.points for each in point]


class Grids:
    """The grids of all figures, for given seeds.

    Parameters
    ----------
    values : mapping, optional
        Content of a grids file; by default of the one that ships with the package.
    seeds : sequence of int, optional
        Instead of each preset's own.
    quick : bool
        Small N=100 runs on MNIST, one seed and up to three points of each series: a taste, no reproduction.
    base : mapping of str to mapping, optional
        Settings of each preset; by default those that ship with the package.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
        quick: bool = False,
        base: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.values = _shipped() if values is None else values
        self.quick = quick
        self._seeds = tuple(seeds) if seeds else None
        self._base = base

    @property
    def presets(self) -> tuple[str, ...]:
        """Presets that have curves; only the first in a quick run."""
        return (QUICK_PRESET,) if self.quick else tuple(name for name in PRESETS if name in self.values)

    @property
    def divisor(self) -> int:
        """What numbers of images and spike intervals of a quick run are divided by."""
        return QUICK_DIVISOR if self.quick else 1

    @property
    def batches(self) -> tuple[int, ...]:
        """Batches of Fig. 15."""
        return tuple(self._section("fig15").get("batches", ()))

    def seeds(self, preset: str) -> tuple[int, ...]:
        """Seeds of a preset's runs."""
        own = tuple(self._section(preset).get("seeds", (1,)))
        return self._seeds or (own[:1] if self.quick else own)

    def title(self, preset: str) -> str:
        """What a preset is called in pictures."""
        name, _, neurons = preset.partition("-")
        return f"{ {'mnist': 'MNIST', 'fashion': 'Fashion-MNIST'}.get(name, name) }, N = {neurons}"

    def titles(self, presets: Sequence[str]) -> str:
        """What several presets are called in a sentence."""
        return " and ".join(self.title(preset) for preset in presets)

    def methods(self, preset: str) -> tuple[str, ...]:
        """Keys of the curves of a preset, in the order of the labels."""
        curves = self._section(preset).get("curves", {})
        return tuple(key for key in self.values["labels"] if key in curves)

    def label(self, key: str) -> str:
        """What a method is called in pictures."""
        return str(self.values["labels"].get(key, key))

    @property
    def method_order(self) -> tuple[str, ...]:
        """All methods, in an order that gives each one colour in all figures."""
        return tuple(self.values["labels"])

    def unpruned(self, preset: str) -> tuple[Settings, ...]:
        """The unpruned network of each seed."""
        return self._over_seeds(preset, {"method": "none"})

    def curve(self, preset: str, key: str) -> Series:
        """The curve of a method over its swept setting.

        Its points at 10 % and 17 % are included, but for those that other settings make too (named by a table).
        """
        table = self._curve(preset, key)
        series = self._series(preset, key, {"method": key, "label": self.label(key), **table})
        named = [percent for percent in (10, 17) if isinstance(table.get(f"at_{percent}_percent"), (int, float))]
        known = {point[0] for point in series.points}
        points = [self._over_seeds(preset, self.at_table(preset, key, percent)) for percent in named]
        extra = tuple(dict.fromkeys(point for point in points if point[0] not in known))
        return Series(key, series.label, series.swept, series.points + extra)

    def at(self, preset: str, key: str, percent: int) -> tuple[Settings, ...] | None:
        """The configuration of a method that reaches `percent` % connectivity, for each seed; None if none is named.

        It may have more seeds than the curve: `seeds = {at_10_percent = [...]}`.
        """
        name, table = f"at_{percent}_percent", self._curve(preset, key)
        if name not in table:
            return None
        pruning = self.at_table(preset, key, percent)
        if self._seeds or self.quick:
            return self._over_seeds(preset, pruning)
        seeds = table.get("seeds", {}).get(name, self.seeds(preset))
        return tuple(self.settings(preset, pruning, seed) for seed in seeds)

    def at_table(self, preset: str, key: str, percent: int) -> dict[str, Any]:
        """The pruning settings of that configuration as they stand in the grids; it must be named."""
        table = self._curve(preset, key)
        chosen = table[f"at_{percent}_percent"]
        fixed, swept, _ = _split(f"{preset}.curves.{key}", table)
        return {"method": key, **fixed, **(chosen if isinstance(chosen, Mapping) else {swept: chosen})}

    def listed(self, name: str, preset: str) -> tuple[str, ...]:
        """Methods that a figure lists (`[name] methods = [...]`) and that the preset has curves of."""
        have = self.methods(preset)
        return tuple(key for key in self._section(name).get("methods", have) if key in have)

    def of_figure(self, name: str) -> tuple[str, ...]:
        """Presets that a figure is made for (`[name] presets = [...]`), of those that there are."""
        return tuple(preset for preset in self._section(name).get("presets", (QUICK_PRESET,)) if preset in self.presets)

    def figure(self, name: str, preset: str) -> tuple[Series, ...]:
        """The series of a figure that has its own (`[name]` with `[[name.series]]`), as far as they are for a preset.

        A series has what all presets share, and a table for each preset that it is for.
        """
        section = self._section(name)
        found = []
        for index, table in enumerate(section.get("series", ())):
            if preset not in table:
                continue
            shared = {key: value for key, value in table.items() if key not in PRESETS}
            inherited: dict[str, Any] = {}
            like = table.get("like", section.get("like"))
            if like is not None:
                inherited = {"method": like, **_split(name, self._curve(preset, like))[0]}
            if "method" in section:
                inherited["method"] = section["method"]
            found.append(self._series(preset, f"{name}.{index}", {**inherited, **shared, **table[preset]}))
        return tuple(found)

    def settings(self, preset: str, pruning: Mapping[str, Any], seed: int) -> Settings:
        """Settings of one run: the preset, what all reproductions share, and `pruning`."""
        values: dict[str, Any] = {}
        merge(values, read_preset(preset) if self._base is None else self._base[preset])
        own = [self._section(preset).get(name, {}) for name in (["set", "quick"] if self.quick else ["set"])]
        changes = dict(pruning)
        shared: dict[str, Any] = {"label_images": LABEL_IMAGES, "pictures": False}
        if self.quick:
            shared |= QUICK
            # counts, and numbers of images
            merged = {**values.get("pruning", {}), **changes}
            for name in ("start", "batch", "spike_interval"):
                whole = merged.get(name, PruningSettings.model_fields[name].default)
                changes[name] = max(1, round(whole / QUICK_DIVISOR))
        for layer in (shared, *own, {"pruning": changes, "seed": seed}):
            merge(values, layer)
        settings = validate(values)
        return settings.model_copy(update={"preset": preset})

    def _over_seeds(self, preset: str, pruning: Mapping[str, Any]) -> tuple[Settings, ...]:
        return tuple(self.settings(preset, pruning, seed) for seed in self.seeds(preset))

    def _series(self, preset: str, key: str, table: Mapping[str, Any]) -> Series:
        fixed, swept, levels = _split(key, table)
        if self.quick:
            levels = _few(levels)
        pruning = [{**fixed, swept: level} for level in levels] if swept else [fixed]
        points = tuple(self._over_seeds(preset, each) for each in pruning)
        label = str(table.get("label", key))
        return Series(
            key, label, swept, points, str(table.get("panel", "")), bool(table.get("best")), bool(table.get("paper"))
        )

    def _curve(self, preset: str, key: str) -> Mapping[str, Any]:
        curves = self._section(preset).get("curves", {})
        if key not in curves:
            raise InputError(f"{GRIDS}: {preset} has no curve {key!r}; allowed: {', '.join(curves)}")
        table: Mapping[str, Any] = curves[key]
        return table

    def _section(self, name: str) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.values.get(name, {})
        return section


def _shipped() -> Mapping[str, Any]:
    return tomli.loads((resources.files("lavaprune") / "reproduce" / GRIDS).read_text("utf-8"))


def _split(owner: str, table: Mapping[str, Any]) -> tuple[dict[str, Any], str, Sequence[Any]]:
    """Fixed pruning settings, the name of the one that takes several values, and these values."""
    pruning = dict(_pruning_only(table))
    swept = [name for name, value in pruning.items() if isinstance(value, list)]
    if len(swept) > 1:
        raise InputError(f"{GRIDS}: {owner} has lists for {' and '.join(swept)}; allowed: one list in a series")
    if not swept:
        return pruning, "", ()
    return {name: value for name, value in pruning.items() if name != swept[0]}, swept[0], pruning[swept[0]]


def _pruning_only(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if name not in _OWN_KEYS:
            yield name, value


def _few(levels: Sequence[Any]) -> Sequence[Any]:
    """First, middle and last."""
    return levels if len(levels) <= 3 else [levels[0], levels[len(levels) // 2], levels[-1]]
