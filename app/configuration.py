"""Settings from defaults, presets, a TOML file and ``--set``, each stronger than the one before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import tomli
import tomli_w
from pydantic import ValidationError

from lavaprune.errors import InputError
from lavaprune.files import write_text
from lavaprune.settings import Settings
from lavaprune.settings_errors import settings_error

NO_PRESET = "none"
PRESETS = ("mnist-100", "mnist-800", "fashion-100", "fashion-800", "digits")
# What a data set starts from where no preset is named; `idx` has none.
DEFAULT_PRESETS = {"digits": "digits", "mnist": "mnist-100", "fashion": "fashion-100"}

_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_BARE_STRING = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")


def build_settings(config: Path | None = None, preset: str | None = None, assignments: Iterable[str] = ()) -> Settings:
    """Put settings together: defaults < preset < config file < assignments.

    Parameters
    ----------
    config : Path, optional
        A TOML file with some or all settings.
    preset : str, optional
        One of `PRESETS`, or ``none``. Where it is not given, the file's own ``preset`` counts, and where
        there is none either, the data set's (`DEFAULT_PRESETS`).
    assignments : iterable of str
        ``key=value`` as after ``--set``; later ones win.

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        For a file that cannot be read or is no TOML, an unknown preset or setting, a wrong type or value.
    """
    given = read_toml(config) if config is not None else {}
    changes: dict[str, Any] = {}
    try:
        for text in assignments:
            merge(changes, parse_assignment(text))
        if "preset" in changes:
            raise InputError("setting 'preset' cannot be changed by --set; use --preset")
        name = _preset_name(preset, given, {**given, **changes}, config)
        values: dict[str, Any] = {}
        for layer in (read_preset(name), given, changes, {"preset": name}):
            merge(values, layer)
        return validate(values)
    except RecursionError:
        raise InputError("settings are nested too deeply; allowed: a name, or a section's name") from None


def _preset_name(preset: str | None, given: Mapping[str, Any], chosen: Mapping[str, Any], config: Path | None) -> str:
    own = given.get("preset")
    if preset is not None and own is not None and preset != own:
        raise InputError(
            f"--preset is {preset!r} but {config} has preset {own!r}; allowed: the same, or one of the two"
        )
    name = own if preset is None else preset
    if name is None:
        name = DEFAULT_PRESETS.get(str(chosen.get("dataset", Settings().dataset)), NO_PRESET)
    if not isinstance(name, str) or name not in (*PRESETS, NO_PRESET):
        raise InputError(f"preset is {name!r}; allowed: {' | '.join((*PRESETS, NO_PRESET))}")
    return name


def validate(values: Mapping[str, Any]) -> Settings:
    """Return settings from nested dicts; InputError in one line where something is wrong."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise settings_error(Settings, error) from None


def read_preset(name: str) -> dict[str, Any]:
    """Return the values of a preset that ships with the package; ``none`` has no values."""
    if name == NO_PRESET:
        return {}
    text = (resources.files("lavaprune") / "presets" / f"{name}.toml").read_text("utf-8")
    return tomli.loads(text)


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's values; InputError if it cannot be read or is no TOML."""
    try:
        with open(path, "rb") as stream:
            return tomli.load(stream)
    except FileNotFoundError:
        raise InputError(f"{path}: no such configuration file") from None
    except OSError as error:
        raise InputError(f"{path}: configuration cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:  # ValueError: an integer of thousands of digits, too
        raise InputError(f"{path}: not valid TOML ({error})") from None


def write_toml(settings: Settings, path: Path) -> None:
    """Write all settings to `path` atomically; `build_settings(path)` gives the same settings again."""
    write_text(path, dump_toml(settings))


def dump_toml(settings: Settings) -> str:
    """Return all settings as TOML; floats in their shortest form that reads back exactly."""
    return tomli_w.dumps(settings.to_dict())


def parse_assignment(text: str) -> dict[str, Any]:
    """Parse ``a.b=value`` into ``{"a": {"b": value}}``.

    The value is TOML (``3``, ``1e-4``, ``true``, ``"text"``); text that starts with a letter and has only
    letters, digits and ``_ . / -`` needs no quotes.
    """
    key, equals, raw = text.partition("=")
    key, raw = key.strip(), raw.strip()
    if not equals or not _KEY.fullmatch(key) or not raw:
        raise InputError(f"--set is {text!r}; allowed: key=value, for example neurons=100 or pruning.method=aptn")
    nested: Any = _parse_value(key, raw)
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return nested


def _parse_value(key: str, raw: str) -> Any:
    try:
        parsed = tomli.loads(f"value = {raw}")
        if set(parsed) == {"value"}:
            return parsed["value"]
    except (ValueError, RecursionError):
        if _BARE_STRING.fullmatch(raw):
            return raw
    raise InputError(f'--set value of {key!r} is {raw!r}; allowed: a TOML value such as 3, 1e-4, true, fused or "text"')


def merge(target: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """Merge `layer` into `target` in place: tables are merged name by name, anything else replaces."""
    for name, value in layer.items():
        if isinstance(value, Mapping):
            if not isinstance(target.get(name), dict):
                target[name] = {}
            merge(target[name], value)
        else:
            target[name] = value


def first_difference(old: Settings, new: Settings) -> tuple[str, Any, Any] | None:
    """Return the dotted name and both values of the first setting that differs, or None."""
    return dict_difference(old.to_dict(), new.to_dict())


def dict_difference(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> tuple[str, Any, Any] | None:
    """Return the same of two nested dicts with the same names."""
    for name, value in old.items():
        if isinstance(value, Mapping):
            found = dict_difference(value, new[name], f"{prefix}{name}.")
            if found:
                return found
        elif value != new[name]:
            return f"{prefix}{name}", value, new[name]
    return None
