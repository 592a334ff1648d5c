"""What a run, or a file of counts, costs: on one hardware profile, and the range over the profiles of its chip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lavaprune.deep.run_folder import is_deep_run
from lavaprune.energy.counts import EventCounts
from lavaprune.energy.errors import EnergyError
from lavaprune.energy.estimator import ENERGY_LABEL, EnergyEstimate, estimate_energy
from lavaprune.energy.hardware_events import EVENT_KEYS, HardwareEvents
from lavaprune.energy.hardware_profile import HardwareProfile
from lavaprune.energy.profile import DEFAULT_PROFILE, load_profile, profiles_of_chip
from lavaprune.energy.spread import Spread, spread_over
from lavaprune.energy.static_power import StaticPower
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

    A deep run has no ``training``: it was trained on the host.

    Raises
    ------
    InputError
        If the folder is no run, or has no result with counts yet.
    """
    if is_deep_run(path):
        from lavaprune.deep.costs import read_deep_costs

        return read_deep_costs(path).phases()
    run = RunFolder.open(path)
    result = run.read_final_result()
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


def events_of_file(path: Path) -> tuple[dict[str, PhaseEvents], bool]:
    """Return the events of a JSON file by phase, and whether it was one object of events without phases.

    The events are `HardwareEvents`' attributes. A file holds an object of them (its phase is then called ``counts``),
    or one of such objects by phase, under any names; each becomes a column.

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
        raise InputError(f"{path}: counts are no JSON object or empty; allowed: an object of events, or of phases")
    is_flat = not all(isinstance(value, dict) for value in content.values())
    phases = {"counts": content} if is_flat else content
    try:
        found = {name: PhaseEvents(HardwareEvents.from_mapping(events), 1) for name, events in phases.items()}
        return found, is_flat
    except EnergyError as error:
        raise InputError(f"{path}: {error}") from None


@dataclass(frozen=True)
class Pricing:
    """How events are priced.

    Attributes
    ----------
    profile : HardwareProfile
        The one that components are given for.
    peers : tuple of HardwareProfile
        All profiles of its chip, itself included: the range.
    static : StaticPower or None
        Whether static power over time is added.
    """

    profile: HardwareProfile
    peers: tuple[HardwareProfile, ...]
    static: StaticPower | None = None

    def estimate(self, events: HardwareEvents) -> EnergyEstimate:
        """Price events with the profile."""
        return estimate_energy(events, self.profile, self.static)

    def spread(self, events: HardwareEvents) -> Spread:
        """Price events with all profiles of the chip."""
        return spread_over(events, self.peers, self.static)


def pricing_of(
    profile_name: str = DEFAULT_PROFILE,
    *,
    update_factor: float = 1.0,
    static_power: bool = False,
    step_time_us: float | None = None,
) -> Pricing:
    """Look a profile and its peers up.

    Parameters
    ----------
    profile_name : str
        A name, or a path that ends in ``.toml``.
    update_factor : float
        What an update of the learning rule costs, as a multiple of the published (pairwise) one: an assumption.
    static_power : bool
        Whether static power over time is added.
    step_time_us : float, optional
        Time of a step for that, by default the profile's own or from its latencies; given, it asks for static power.

    Raises
    ------
    InputError
        For an unknown or malformed profile (any of the known ones), one without static power where that is asked for,
        or a factor or time out of range.
    """
    try:
        profile = load_profile(profile_name)
        others = (peer for peer in profiles_of_chip(profile.chip) if peer.name != profile.name)
        peers = sorted([profile, *others], key=lambda peer: peer.name)
        static = StaticPower(step_time_us) if static_power or step_time_us is not None else None
        if static is not None:
            static.energy_pj(_NOTHING, profile)
        return Pricing(
            profile.with_update_factor(update_factor),
            tuple(peer.with_update_factor(update_factor) for peer in peers),
            static,
        )
    except EnergyError as error:
        raise InputError(str(error)) from None


def energy_report(phases: Mapping[str, PhaseEvents], pricing: Pricing | None = None) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune energy``.

    Keys: ``label``, ``profile``, ``chip``, ``update_factor``, ``static_power`` (null, or the mW and where the time of
    a step is from), ``caveat`` (how far event models are from what was measured), ``not_included``; ``phases``: per
    phase the estimate with ``events``, ``images``, ``pj_per_image``, ``uj_per_step``; and ``range_pj``: per phase the
    lowest and highest total over the profiles of the chip, with the total of each.

    Parameters
    ----------
    phases : mapping of str to PhaseEvents
    pricing : Pricing, optional
        Default `pricing_of()`.
    """
    pricing = pricing or pricing_of()
    profile = pricing.profile
    report: dict[str, Any] = {
        "label": ENERGY_LABEL,
        "profile": profile.name,
        "chip": profile.chip,
        "update_factor": profile.update_factor,
        "static_power": None,
        "caveat": profile.caveat,
        "not_included": profile.unpriced,
        "phases": {},
        "range_pj": {},
    }
    for name, phase in phases.items():
        estimate = pricing.estimate(phase.events)
        report["label"] = estimate.label
        report["phases"][name] = {
            **estimate.to_dict(),
            "events": phase.events.to_dict(),
            "images": phase.images,
            "pj_per_image": estimate.total_pj / phase.images,
            "uj_per_step": estimate.total_pj / phase.events.steps / 1e6 if phase.events.steps else None,
        }
        report["range_pj"][name] = pricing.spread(phase.events).to_dict()
        if pricing.static is not None and profile.static_power_mw is not None:
            source = pricing.static.time_us(phase.events, profile)[1]
            report["static_power"] = {"mw": profile.static_power_mw.value, "time": source}
    return report


def energy_text(phases: Mapping[str, PhaseEvents], pricing: Pricing | None = None) -> str:
    """Return the same for people: pJ by component, per image or in all where the images are unknown."""
    pricing = pricing or pricing_of()
    estimates, divisors = estimates_of(phases, pricing)
    spreads = {heading: pricing.spread(p.events) for heading, p in zip(estimates, phases.values(), strict=True)}
    lines = [energy_table(estimates, divide_by=divisors, spreads=spreads)]
    report = energy_report(phases, pricing)
    steps = [
        f"{name}: {phase['uj_per_step']:.3g}"
        for name, phase in report["phases"].items()
        if phase["uj_per_step"] is not None
    ]
    if steps:
        lines.append(f"  uJ per time step by {report['profile']}: {'; '.join(steps)}")
    if report["static_power"] is not None:
        lines.append(f"  Static power: {report['static_power']['mw']:g} mW; time: {report['static_power']['time']}.")
    return "\n".join(lines)


def estimates_of(
    phases: Mapping[str, PhaseEvents], pricing: Pricing
) -> tuple[dict[str, EnergyEstimate], dict[str, int]]:
    """Estimates by heading (``training / image``, or the phase where the images are unknown), and their divisors."""
    headings = {name: f"{name} / image" if phase.images > 1 else name for name, phase in phases.items()}
    return (
        {headings[name]: pricing.estimate(phase.events) for name, phase in phases.items()},
        {headings[name]: phase.images for name, phase in phases.items()},
    )


_NOTHING = HardwareEvents(*([0] * len(EVENT_KEYS)))
