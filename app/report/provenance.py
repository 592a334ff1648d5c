"""Where a run comes from: the command that makes it again, and its settings beside its preset's."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import tomli_w

from lavaprune.configuration import build_settings
from lavaprune.errors import InputError
from lavaprune.settings import Settings


@dataclass(frozen=True)
class SettingRow:
    """A setting: its name without the section, its value, and whether it differs from the preset's."""

    name: str
    value: str
    is_changed: bool


def rerun_command(settings: Settings) -> str:
    """The shortest command that trains the same network, on one line."""
    base = _preset(settings)
    if base is None:
        return "lavaprune train config.toml"
    theirs = flat(base.to_dict())
    changes = [f"{key}={_toml(value)}" for key, value in flat(settings.to_dict()).items() if theirs.get(key) != value]
    parts = ["lavaprune", "train", "--preset", settings.preset]
    for change in changes:
        parts += ["--set", change]
    if settings.dataset != "digits":
        parts += ["--data-dir", "DATA"]
    try:
        is_same = build_settings(preset=settings.preset, assignments=changes) == settings
    except InputError:
        is_same = False
    return shlex.join(parts) if is_same else "lavaprune train config.toml"


def setting_sections(settings: Settings) -> dict[str, list[SettingRow]]:
    """All settings by section (the ungrouped ones: ``run``)."""
    base = _preset(settings)
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


def _preset(settings: Settings) -> Settings | None:
    try:
        return build_settings(preset=settings.preset)
    except InputError:
        return None


def _toml(value: Any) -> str:
    text = tomli_w.dumps({"v": value}).removeprefix("v = ").strip()
    bare = text.strip('"')
    return bare if isinstance(value, str) and bare.isidentifier() else text
