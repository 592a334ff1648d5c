"""Where a run comes from: the command that makes it again, and its settings beside its preset's."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tomli_w

from lavaprune.configuration import build_settings
from lavaprune.deep.settings import DeepSettings
from lavaprune.errors import InputError
from lavaprune.settings import Settings

AnySettings = Settings | DeepSettings
Build = Callable[..., Any]


@dataclass(frozen=True)
class SettingRow:
    """A setting: its name without the section, its value, and whether it differs from the preset's."""

    name: str
    value: str
    is_changed: bool


def rerun_command(settings: AnySettings, build: Build = build_settings, command: str = "lavaprune train") -> str:
    """The shortest command that trains the same network, on one line.

    Parameters
    ----------
    settings : Settings or DeepSettings
    build : callable
        Makes settings from ``preset`` and ``assignments``.
    command : str
        What trains.
    """
    base = _preset(settings, build)
    if base is None:
        return f"{command} config.toml"
    theirs = flat(base.to_dict())
    changes = [f"{key}={_toml(value)}" for key, value in flat(settings.to_dict()).items() if theirs.get(key) != value]
    parts = [*command.split(), "--preset", settings.preset]
    for change in changes:
        parts += ["--set", change]
    if settings.dataset != "digits":
        parts += ["--data-dir", "DATA"]
    try:
        is_same = build(preset=settings.preset, assignments=changes) == settings
    except InputError:
        is_same = False
    return shlex.join(parts) if is_same else f"{command} config.toml"


def setting_sections(settings: AnySettings, build: Build = build_settings) -> dict[str, list[SettingRow]]:
    """All settings by section (the ungrouped ones: ``run``)."""
    base = _preset(settings, build)
    theirs = flat(base.to_dict()) if base else {}
    sections: dict[str, list[SettingRow]] = {}
    for key, value in flat(settings.to_dict()).items():
        section, _, name = key.rpartition(".")
        is_changed = bool(theirs) and theirs.get(key) != value
        sections.setdefault(section or "run", []).append(SettingRow(name, _toml(value), is_changed))
    return sections


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _preset(settings: AnySettings, build: Build) -> AnySettings | None:
    try:
        found: AnySettings = build(preset=settings.preset)
        return found
    except InputError:
        return None


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):  # tomli_w gives each element a line
        return f"[{', '.join(json.dumps(each) if isinstance(each, str) else _toml(each) for each in value)}]"
    text = tomli_w.dumps({"v": value}).removeprefix("v = ").strip()
    bare = text.strip('"')
    return bare if isinstance(value, str) and bare.isidentifier() else text
