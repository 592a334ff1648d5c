"""Reading hardware profiles: TOML in, everything checked, errors of one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lavaprune.energy.data_file import checked_choice, checked_text, read_toml, refuse_other_keys
from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_events import EVENT_KEYS
from lavaprune.energy.hardware_profile import QUALITIES, Cited, HardwareProfile, Price, sums_up

MAX_PRICE_PJ = 1e12
"""Largest energy of one event that a profile may state, 1 J."""

MAX_TIME = 1e12
"""Largest time (ns or us) and power (mW) that a profile may state."""

CONVENTIONAL_KEYS: tuple[str, ...] = ("multiply_accumulate", "memory_access")
"""What a profile prices that is a reference for conventional networks; both or none."""

_TEXTS = ("name", "chip", "title", "conditions", "caveat", "unpriced")
_CITED = ("static_power_mw", "step_time_us", "barrier_ns")


def read_profile(path: Path) -> HardwareProfile:
    """Read and check one profile file (TOML; `profiles/README.md` describes the form).

    Raises
    ------
    ProfileError
        In one line, naming the file, the entry, its value and what is allowed.
    """
    owner = f"hardware profile {path}"
    return _checked_profile(owner, read_toml(owner, path, ProfileError), expected_name=path.stem)


def _checked_profile(owner: str, data: dict[str, object], expected_name: str) -> HardwareProfile:
    refuse_other_keys(owner, data, (*_TEXTS, "included", *_CITED, "energy_pj", "conventional_pj"), ProfileError)
    texts = {key: checked_text(owner, key, data.get(key), ProfileError) for key in _TEXTS}
    if texts["name"] != expected_name:
        raise ProfileError(f"{owner}: name is {texts['name']!r}; allowed: the file's own name, {expected_name!r}")
    prices = _checked_prices(owner, "energy_pj", data.get("energy_pj"), EVENT_KEYS)
    conventional: Mapping[str, Price] = {}
    if "conventional_pj" in data:
        conventional = _checked_prices(owner, "conventional_pj", data["conventional_pj"], CONVENTIONAL_KEYS)
        missing = [key for key in CONVENTIONAL_KEYS if key not in conventional]
        if missing:
            raise ProfileError(f"{owner}: conventional_pj has no {', '.join(missing)}; allowed: both or none")
    return HardwareProfile(
        name=texts["name"],
        chip=texts["chip"],
        title=texts["title"],
        conditions=texts["conditions"],
        caveat=texts["caveat"],
        unpriced=texts["unpriced"],
        prices=MappingProxyType(prices),
        included=_checked_included(owner, data.get("included", []), prices),
        conventional=MappingProxyType(dict(conventional)),
        static_power_mw=_checked_cited(owner, "static_power_mw", data),
        step_time_us=_checked_cited(owner, "step_time_us", data),
        barrier_ns=_checked_cited(owner, "barrier_ns", data),
    )


def _checked_prices(owner: str, key: str, table: object, known: tuple[str, ...]) -> dict[str, Price]:
    if not isinstance(table, dict) or not table:
        raise ProfileError(f"{owner}: no [{key}.*] tables; allowed: at least one of {', '.join(known)}")
    refuse_other_keys(f"{owner}: {key}", table, known, ProfileError)
    return {name: _checked_price(f"{owner}: {key}.{name}", table[name]) for name in known if name in table}


def _checked_price(owner: str, entry: object) -> Price:
    table = _checked_table(owner, entry, ("value", "quality", "source", "parts", "time_ns"))
    parts = _checked_parts(owner, table.get("parts", {}))
    value = _checked_number(f"{owner}.value", table.get("value"), "pJ", MAX_PRICE_PJ)
    if parts and not sums_up(value, parts):
        raise ProfileError(f"{owner}.value is {value:g}; allowed: the sum of its parts, {sum(parts.values()):g}")
    time = table.get("time_ns")
    return Price(
        value,
        *_checked_citation(owner, table),
        parts_pj=MappingProxyType(parts),
        time_ns=None if time is None else _checked_number(f"{owner}.time_ns", time, "ns", MAX_TIME),
    )


def _checked_parts(owner: str, parts: object) -> dict[str, float]:
    if not isinstance(parts, dict):
        raise ProfileError(f"{owner}.parts is {parts!r}; allowed: a table of names and pJ")
    return {name: _checked_number(f"{owner}.parts.{name}", each, "pJ", MAX_PRICE_PJ) for name, each in parts.items()}


def _checked_cited(owner: str, key: str, data: Mapping[str, object]) -> Cited | None:
    if key not in data:
        return None
    entry = f"{owner}: {key}"
    table = _checked_table(entry, data[key], ("value", "quality", "source"))
    value = _checked_number(f"{entry}.value", table.get("value"), key.rpartition("_")[2], MAX_TIME)
    return Cited(value, *_checked_citation(entry, table))


def _checked_table(owner: str, entry: object, keys: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(entry, dict):
        raise ProfileError(f"{owner} is {entry!r}; allowed: a table with value, quality and source")
    refuse_other_keys(owner, entry, keys, ProfileError)
    return entry


def _checked_citation(owner: str, table: Mapping[str, object]) -> tuple[str, str]:
    quality = checked_choice(owner, "quality", table.get("quality"), QUALITIES, ProfileError)
    return quality, checked_text(owner, "source", table.get("source"), ProfileError)


def _checked_number(owner: str, value: object, unit: str, largest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= largest:
        raise ProfileError(f"{owner} is {value!r}; allowed: a number of {unit}, 0 .. {largest:g}")
    return float(value)


def _checked_included(owner: str, value: object, prices: Mapping[str, Price]) -> tuple[str, ...]:
    allowed = [key for key in EVENT_KEYS if key not in prices]
    if not isinstance(value, list) or any(each not in allowed for each in value):
        raise ProfileError(f"{owner}: included is {value!r}; allowed: a list out of {', '.join(allowed)}")
    return tuple(key for key in EVENT_KEYS if key in value)
