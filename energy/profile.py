"""Hardware profiles: cited energies per event, kept as data files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import tomli

from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_events import EVENT_KEYS

QUALITIES: tuple[str, ...] = ("measured", "fitted", "simulated", "proxy")
"""How a number came about; `proxy` is one borrowed from something else."""

BUILT_IN_FOLDER = Path(__file__).resolve().parent / "profiles"
"""Where the profiles that come with the package lie."""

MAX_PRICE_PJ = 1e12
"""Largest energy of one event that a profile may state, 1 J."""

DEFAULT_PROFILE = "loihi1-davies2018"

_TEXTS = ("name", "chip", "title", "conditions", "caveat", "unpriced")


@dataclass(frozen=True)
class Price:
    """Energy of one event.

    Attributes
    ----------
    value_pj : float
        In pJ, 0 .. `MAX_PRICE_PJ`.
    quality : str
        One of `QUALITIES`.
    source : str
        Where the number stands.
    """

    value_pj: float
    quality: str
    source: str


@dataclass(frozen=True)
class HardwareProfile:
    """Cited energies per event of one piece of hardware.

    Attributes
    ----------
    name, chip, title : str
        Identifier, chip it describes (profiles of one chip are compared with each other), one line for people.
    conditions : str
        How the numbers were obtained (voltage, technology, simulation or measurement).
    caveat, unpriced : str
        A reality check to print near any total; what the profile leaves out.
    prices : mapping of str to Price
        By event (`EVENT_KEYS`). Events without a published price are absent.
    """

    name: str
    chip: str
    title: str
    conditions: str
    caveat: str
    unpriced: str
    prices: Mapping[str, Price]

    @property
    def qualities(self) -> tuple[str, ...]:
        """Qualities that occur among the prices, best first."""
        present = {price.quality for price in self.prices.values()}
        return tuple(quality for quality in QUALITIES if quality in present)


def known_profiles(folder: Path = BUILT_IN_FOLDER) -> tuple[str, ...]:
    """Return the names of the profiles in `folder`, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def load_profile(name_or_path: str | os.PathLike[str] = DEFAULT_PROFILE) -> HardwareProfile:
    """Load a hardware profile.

    Parameters
    ----------
    name_or_path : str or path
        A name out of `known_profiles`, or the path of a user's own file (ends in ``.toml``).

    Raises
    ------
    ProfileError
        In one line: an unknown name (the known ones listed), a file that cannot be read, or what in it is wrong.
    """
    text = os.fspath(name_or_path)
    if text.endswith(".toml"):
        return read_profile(Path(text))
    if text not in known_profiles():
        raise ProfileError(
            f"hardware profile {text!r} is unknown; known: {', '.join(known_profiles())}, or the path of a .toml file"
        )
    return read_profile(BUILT_IN_FOLDER / f"{text}.toml")


def read_profile(path: Path) -> HardwareProfile:
    """Read and check one profile file (TOML; `profiles/loihi1-davies2018.toml` shows the form).

    Raises
    ------
    ProfileError
        In one line, naming the file, the entry, its value and what is allowed.
    """
    try:
        data = tomli.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ProfileError(f"hardware profile {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ProfileError(f"hardware profile {path}: not UTF-8 text") from None
    except tomli.TOMLDecodeError as error:
        raise ProfileError(f"hardware profile {path}: not valid TOML: {' '.join(str(error).split())}") from None
    return _checked_profile(f"hardware profile {path}", data, expected_name=path.stem)


def _checked_profile(owner: str, data: dict[str, object], expected_name: str) -> HardwareProfile:
    _refuse_other_keys(owner, data, (*_TEXTS, "energy_pj"))
    texts = {key: _checked_text(owner, key, data.get(key)) for key in _TEXTS}
    if texts["name"] != expected_name:
        raise ProfileError(f"{owner}: name is {texts['name']!r}; allowed: the file's own name, {expected_name!r}")
    table = data.get("energy_pj")
    if not isinstance(table, dict) or not table:
        raise ProfileError(f"{owner}: no [energy_pj.*] tables; allowed: at least one of {', '.join(EVENT_KEYS)}")
    _refuse_other_keys(f"{owner}: energy_pj", table, EVENT_KEYS)
    prices = {key: _checked_price(f"{owner}: energy_pj.{key}", table[key]) for key in EVENT_KEYS if key in table}
    return HardwareProfile(**texts, prices=MappingProxyType(prices))


def _checked_price(owner: str, entry: object) -> Price:
    if not isinstance(entry, dict):
        raise ProfileError(f"{owner} is {entry!r}; allowed: a table with value, quality and source")
    _refuse_other_keys(owner, entry, ("value", "quality", "source"))
    value = entry.get("value")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_PRICE_PJ:
        raise ProfileError(f"{owner}.value is {value!r}; allowed: a number of pJ, 0 .. {MAX_PRICE_PJ:g}")
    quality = entry.get("quality")
    if quality not in QUALITIES:
        raise ProfileError(f"{owner}.quality is {quality!r}; allowed: {', '.join(QUALITIES)}")
    return Price(float(value), quality, _checked_text(owner, "source", entry.get("source")))


def _checked_text(owner: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ProfileError(f"{owner}: {key} is {value!r}; allowed: a text that is not empty")
    return value


def _refuse_other_keys(owner: str, table: Mapping[str, object], allowed: tuple[str, ...]) -> None:
    unknown = [repr(key) for key in table if key not in allowed]
    if unknown:
        raise ProfileError(f"{owner}: unknown {', '.join(unknown)}; known: {', '.join(allowed)}")
