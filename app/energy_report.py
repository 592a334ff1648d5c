"""What a run, or a file of counts, costs: on one hardware profile, and the range over all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lavaprune.energy.counts import EventCounts
from lavaprune.energy.errors import EnergyError
from lavaprune.energy.estimator import ENERGY_LABEL, estimate_energy
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.profile import DEFAULT_PROFILE, known_profiles, load_profile
from lavaprune.energy.table import energy_table
from lavaprune.errors import InputError
from lavaprune.run_network import messages_of_run
from lavaprune.runs import RunFolder

PHASES = ("training", "inference")


@dataclass(frozen=True)
class PhaseEvents:
    """Events of one phase and the number of images (1 where unknown) they cover."""

    events: HardwareEvents
    images: int


def events_of_run(path: Path) -> dict[str, PhaseEvents]:
    """Return the events of a finished run by phase, from ``counts`` in its ``result.json``.

    Raises
    ------
    InputError
        If the folder is no run, or has no result with counts yet.
    """
    run = RunFolder.open(path)
    result = run.read_result()
    if result is None:
        raise InputError(f"run folder {path}: has no result.json yet; the run has not ended")
    found = {}
    for phase, images_key in zip(PHASES, ("train_images", "test_images"), strict=True):
        try:
            images = int(result[images_key])
            counts = EventCounts(**result["counts"][phase])
            steps = images * run.settings.steps
            events = HardwareEvents.from_counts(counts, steps=steps, **messages_of_run(run, phase, counts))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"run folder {path}: result.json has no usable counts of {phase} ({error})") from None
        found[phase] = PhaseEvents(events, max(1, images))
    return found


def events_of_file(path: Path) -> dict[str, PhaseEvents]:
    """Return the events of a JSON file: an object of events, or one of such objects by phase.

    The events are `HardwareEvents`' attributes; with phases (any names) each becomes a column.

    Raises
    ------
    InputError
        If the file cannot be read, is no JSON object, or an event is unknown, missing or no count.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: counts cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: counts are no JSON object; allowed: an object of events, or of phases")
    phases = content if all(isinstance(value, dict) for value in content.values()) else {"counts": content}
    try:
        return {name: PhaseEvents(HardwareEvents.from_mapping(events), 1) for name, events in phases.items()}
    except EnergyError as error:
        raise InputError(f"{path}: {error}") from None


def energy_report(phases: dict[str, PhaseEvents], profile_name: str = DEFAULT_PROFILE) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune energy``.

    Keys: ``label``, ``profile``, ``phases``: per phase the estimate with ``images`` and ``pj_per_image``, and
    ``range_pj``: per phase the lowest and highest total over all profiles, with the total of each.

    Raises
    ------
    InputError
        For an unknown or malformed profile.
    """
    try:
        profile = load_profile(profile_name)
        profiles = [load_profile(name) for name in known_profiles()]
    except EnergyError as error:
        raise InputError(str(error)) from None
    report: dict[str, Any] = {"label": ENERGY_LABEL, "profile": profile.name, "phases": {}, "range_pj": {}}
    for name, phase in phases.items():
        estimate = estimate_energy(phase.events, profile)
        report["phases"][name] = {
            **estimate.to_dict(),
            "images": phase.images,
            "pj_per_image": estimate.total_pj / phase.images,
        }
        totals = {each.name: estimate_energy(phase.events, each).total_pj for each in profiles}
        report["range_pj"][name] = {
            "low": min(totals.values()),
            "high": max(totals.values()),
            "profiles": totals,
        }
    return report


def energy_text(phases: dict[str, PhaseEvents], profile_name: str = DEFAULT_PROFILE) -> str:
    """Return the same for people: pJ by component, per image or in all where the images are unknown."""
    try:
        profile = load_profile(profile_name)
    except EnergyError as error:
        raise InputError(str(error)) from None
    estimates = {
        f"{name} / image" if p.images > 1 else name: estimate_energy(p.events, profile) for name, p in phases.items()
    }
    divisors = {heading: p.images for heading, p in zip(estimates, phases.values(), strict=True)}
    lines = [energy_table(estimates, divide_by=divisors)]
    for name, spread in energy_report(phases, profile_name)["range_pj"].items():
        images = phases[name].images
        lines.append(
            f"  {name}, total over {len(spread['profiles'])} profile(s): "
            f"{spread['low'] / images:,.1f} .. {spread['high'] / images:,.1f} pJ"
        )
    return "\n".join(lines)
