"""Chips: what a core holds and what it can compute, kept as data files with a source beside each number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from lavaprune.energy.data_file import checked_choice, checked_table, checked_text, read_toml, refuse_other_keys
from lavaprune.energy.errors import ChipError
from lavaprune.energy.synaptic_memory import SynapseEncoding

NUMBER_QUALITIES: tuple[str, ...] = ("published", "software", "derived", "assumed", "unpublished")
"""Where a number comes from: the maker's documents, public code that configured the chip, computed from published
numbers, our assumption; an unpublished number has no value."""

FEATURE_STATUSES: tuple[str, ...] = ("maps", "microcode", "approximated", "embedded", "no")
"""How a feature of a network maps: as it is; as a program of the neuron core; with other numbers than ours; as work of
an embedded processor; not at all."""

BUILT_IN_FOLDER = Path(__file__).resolve().parent / "chips"
DEFAULT_CHIP = "loihi1"

_MAY_BE_UNPUBLISHED = ("input_axons_per_core", "output_axons_per_core")
_COUNTS = (
    "cores_per_chip",
    "neurons_per_chip",
    "synapses_per_chip",
    "compartments_per_core",
    *_MAY_BE_UNPUBLISHED,
    "memory_bits_per_core",
    "neuron_state_bits",
    "trace_bits",
    "delay_bits",
    "tag_bits",
    "synapses_per_block",
    "block_overhead_bits",
    "memory_word_bits",
    "cores_per_tile",
    "tiles_wide",
    "tiles_high",
)
_WIDTHS = ("weight_widths", "index_widths")
_MAX_VALUE = 2**48
_MAX_WIDTH = 48


@dataclass(frozen=True)
class CitedNumber:
    """A number of a chip: `value` (None: unpublished), one of `NUMBER_QUALITIES`, and where it stands."""

    value: int | tuple[int, ...] | None
    quality: str
    source: str


@dataclass(frozen=True)
class FeatureSupport:
    """How a feature of a network maps onto a chip: one of `FEATURE_STATUSES`, why, and where that stands."""

    name: str
    status: str
    reason: str
    source: str


@dataclass(frozen=True)
class Chip:
    """Limits and abilities of one chip.

    Attributes
    ----------
    name, title, caveat : str
        Identifier, one line for people, what to print near any result.
    memory_is_shared : bool
        Whether the state of neurons and of learning lies in the same memory as the synapses.
    numbers : mapping of str to CitedNumber
        Limits per core and chip, the encoding of synapses (`encoding`), the mesh.
    features : mapping of str to FeatureSupport
    """

    name: str
    title: str
    caveat: str
    memory_is_shared: bool
    numbers: Mapping[str, CitedNumber]
    features: Mapping[str, FeatureSupport]

    def limit(self, name: str) -> int | None:
        """The number `name`, a single one; None where it is unpublished."""
        value = self.numbers[name].value
        if isinstance(value, tuple):
            raise KeyError(name)
        return value

    def count(self, name: str) -> int:
        """The number `name`, which every chip's file has to state."""
        value = self.limit(name)
        if value is None:
            raise KeyError(name)
        return value

    @property
    def encoding(self) -> SynapseEncoding:
        """How synapses lie in a core's memory."""
        weights, indices = (self.numbers[name].value for name in _WIDTHS)
        assert isinstance(weights, tuple)
        assert isinstance(indices, tuple)
        return SynapseEncoding(
            self.count("synapses_per_block"),
            self.count("block_overhead_bits"),
            self.count("memory_word_bits"),
            index_widths=indices,
            weight_widths=weights,
        )

    def of_quality(self, quality: str) -> tuple[str, ...]:
        """Names of the numbers of one quality."""
        return tuple(name for name, number in self.numbers.items() if number.quality == quality)

    def support(self, feature: str) -> FeatureSupport:
        """How `feature` maps; one that the chip's file does not mention is not known to map."""
        unknown = FeatureSupport(feature, "no", f"nothing is known about it on {self.title}", "unpublished")
        return self.features.get(feature, unknown)


def known_chips() -> tuple[str, ...]:
    """Return the names of the chips, sorted."""
    return tuple(sorted(path.stem for path in BUILT_IN_FOLDER.glob("*.toml")))


def load_chip(name: str = DEFAULT_CHIP) -> Chip:
    """Load a chip.

    Raises
    ------
    ChipError
        In one line: an unknown name (the known ones listed), or what is wrong in its file.
    """
    if name not in known_chips():
        raise ChipError(f"chip {name!r} is unknown; known: {', '.join(known_chips())}")
    return read_chip(BUILT_IN_FOLDER / f"{name}.toml")


def read_chip(path: Path) -> Chip:
    """Read and check one chip's file (TOML; `chips/loihi1.toml` shows the form).

    Raises
    ------
    ChipError
        In one line, naming the file, the entry, its value and what is allowed.
    """
    owner = f"chip {path}"
    data = read_toml(owner, path, ChipError)
    refuse_other_keys(owner, data, ("name", "title", "caveat", "memory_is_shared", "numbers", "features"), ChipError)
    name, title, caveat = (checked_text(owner, key, data.get(key), ChipError) for key in ("name", "title", "caveat"))
    if name != path.stem:
        raise ChipError(f"{owner}: name is {name!r}; allowed: the file's own name, {path.stem!r}")
    shared = data.get("memory_is_shared")
    if not isinstance(shared, bool):
        raise ChipError(f"{owner}: memory_is_shared is {shared!r}; allowed: true, false")
    required = (*_COUNTS, *_WIDTHS)
    table = checked_table(owner, "numbers", data.get("numbers"), required, ChipError)
    missing = [key for key in required if key not in table]
    if missing:
        raise ChipError(f"{owner}: numbers lacks {', '.join(missing)}; required: {', '.join(required)}")
    numbers = {key: _checked_number(owner, key, table[key]) for key in required}
    features = data.get("features", {})
    if not isinstance(features, dict):
        raise ChipError(f"{owner}: features is {features!r}; allowed: a table")
    supports = {key: _checked_feature(owner, key, entry) for key, entry in features.items()}
    chip = Chip(name, title, caveat, shared, MappingProxyType(numbers), MappingProxyType(supports))
    tiles = chip.count("tiles_wide") * chip.count("tiles_high")
    if chip.count("cores_per_chip") > tiles * chip.count("cores_per_tile"):
        raise ChipError(
            f"{owner}: cores_per_chip is {chip.count('cores_per_chip')}; allowed: up to {tiles} tiles of "
            f"{chip.count('cores_per_tile')}"
        )
    widest = chip.encoding.index_widths[-1]
    if chip.count("compartments_per_core") > 2**widest:
        raise ChipError(
            f"{owner}: compartments_per_core is {chip.count('compartments_per_core')}; allowed: up to {2**widest}, "
            f"what an index of {widest} bits tells apart"
        )
    return chip


def _checked_number(owner: str, key: str, entry: object) -> CitedNumber:
    name = f"numbers.{key}"
    table = checked_table(owner, name, entry, ("value", "quality", "source"), ChipError)
    quality = checked_choice(owner, f"{name}.quality", table.get("quality"), NUMBER_QUALITIES, ChipError)
    source = checked_text(owner, f"{name}.source", table.get("source"), ChipError)
    if quality == "unpublished":
        if key not in _MAY_BE_UNPUBLISHED:
            raise ChipError(
                f"{owner}: {name}.quality is 'unpublished'; allowed: {', '.join(NUMBER_QUALITIES[:-1])}, "
                "as nothing can be computed without it"
            )
        if "value" in table:
            raise ChipError(f"{owner}: {name}.value is {table['value']!r}; allowed: none, as it is unpublished")
        return CitedNumber(None, quality, source)
    value = table.get("value")
    if key in _WIDTHS:
        return CitedNumber(_checked_widths(owner, f"{name}.value", value), quality, source)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_VALUE:
        raise ChipError(f"{owner}: {name}.value is {value!r}; allowed: an integer 1 .. {_MAX_VALUE}")
    return CitedNumber(value, quality, source)


def _checked_widths(owner: str, name: str, value: object) -> tuple[int, ...]:
    if (
        not isinstance(value, list)
        or not value
        or not all(type(width) is int and 0 <= width <= _MAX_WIDTH for width in value)
        or value != sorted(set(value))
    ):
        raise ChipError(f"{owner}: {name} is {value!r}; allowed: ascending integers 0 .. {_MAX_WIDTH}")
    return tuple(value)


def _checked_feature(owner: str, key: str, entry: object) -> FeatureSupport:
    name = f"features.{key}"
    table = checked_table(owner, name, entry, ("status", "reason", "source"), ChipError)
    return FeatureSupport(
        name=key,
        status=checked_choice(owner, f"{name}.status", table.get("status"), FEATURE_STATUSES, ChipError),
        reason=checked_text(owner, f"{name}.reason", table.get("reason"), ChipError),
        source=checked_text(owner, f"{name}.source", table.get("source"), ChipError),
    )
