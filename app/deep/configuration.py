"""Deep settings from defaults, a preset and ``--set``, each stronger than the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import tomli
from pydantic import ValidationError

from lavaprune.configuration import NO_PRESET, merge, parse_assignment
from lavaprune.deep.settings import DeepSettings
from lavaprune.errors import InputError
from lavaprune.settings_errors import settings_error

PRESETS = ("digits", "mnist", "mnist-fc", "nmnist", "dvsgesture", "cifar10")


def build_deep_settings(preset: str | None = None, assignments: Iterable[str] = ()) -> DeepSettings:
    """Put settings together.

    Parameters
    ----------
    preset : str, optional
        One of `PRESETS`, or ``none``; default ``digits``.
    assignments : iterable of str
        ``key=value`` as after ``--set``; later ones win.

    Raises
    ------
    InputError
        An unknown preset or setting, a wrong type or value.
    """
    name = "digits" if preset is None else preset
    if name not in (*PRESETS, NO_PRESET):
        raise InputError(f"preset is {name!r}; allowed: {' | '.join((*PRESETS, NO_PRESET))}")
    values: dict[str, Any] = {}
    if name != NO_PRESET:
        text = (resources.files("lavaprune.deep") / "presets" / f"{name}.toml").read_text("utf-8")
        merge(values, tomli.loads(text))
    for assignment in assignments:
        change = parse_assignment(assignment)
        if "preset" in change:
            raise InputError("setting 'preset' cannot be changed by --set; use --preset")
        merge(values, change)
    return validate_deep({**values, "preset": name})


def validate_deep(values: Mapping[str, Any]) -> DeepSettings:
    """Return settings from nested dicts; InputError in one line where something is wrong."""
    try:
        return DeepSettings.model_validate(values)
    except ValidationError as error:
        raise settings_error(DeepSettings, error) from None
