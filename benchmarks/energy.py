"""What MNIST costs: pJ per synaptic operation and uJ per image, by component, over all hardware profiles.

Runs the unpruned network, APTN and contrast at 10 % connectivity (the settings of `lavaprune reproduce table2`) for
every seed of the reproduction, prices their counts, and writes ``energy.md``, ``energy.csv`` and a picture for each
size.
Finished runs in ``--out`` are not repeated, unfinished ones are continued.

    python benchmarks/energy.py --data-dir DATA --out runs/energy --docs docs/results
"""

from __future__ import annotations

import argparse
import csv
import io
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lavaprune.energy.computational_cost import figure_of_merit, is_clear
from lavaprune.energy.conventional import conventional_layer
from lavaprune.energy.counts import EventCounts
from lavaprune.energy.estimator import ENERGY_LABEL, EnergyEstimate, estimate_energy
from lavaprune.energy.hardware_events import EVENT_KEYS, HardwareEvents
from lavaprune.energy.hardware_profile import HardwareProfile
from lavaprune.energy.profile import DEFAULT_PROFILE, known_profiles, load_profile, profiles_of_chip
from lavaprune.energy.spread import spread_over
from lavaprune.energy.static_power import StaticPower
from lavaprune.energy_report import PHASES, PhaseEvents, events_of_run
from lavaprune.errors import LavapruneError
from lavaprune.files import writable_folder, write_text
from lavaprune.plots.energy_bars import COMPONENT_NAMES, energy_figure
from lavaprune.plots.saving import save_figure
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.runs import unpruned
from lavaprune.run_costs import RunCosts, neurobench_metrics, overhead_of_run, read_run_costs
from lavaprune.settings import Settings
from lavaprune.training.effective import count_effective
from lavaprune.training.run import train

PRESETS = ("mnist-100", "mnist-800")
METHODS = ("unpruned", "aptn", "contrast")
COMMAND = "python benchmarks/energy.py --data-dir DATA --out runs/energy --docs docs/results"


@dataclass(frozen=True)
class Seed:
    """One finished run: its costs, and its events by phase."""

    number: int
    costs: RunCosts
    phases: dict[str, PhaseEvents]
    effective: EventCounts


@dataclass(frozen=True)
class Network:
    """One size and method over its seeds."""

    preset: str
    method: str
    seeds: tuple[Seed, ...]

    def per_image(self, phase: str, profile: HardwareProfile) -> list[tuple[EnergyEstimate, int]]:
        """Estimate and images of each seed."""
        return [(estimate_energy(s.phases[phase].events, profile), s.phases[phase].images) for s in self.seeds]

    def totals_uj(self, phase: str, profile: HardwareProfile) -> list[float]:
        """uJ per image of each seed."""
        return [estimate.total_pj / images / 1e6 for estimate, images in self.per_image(phase, profile)]

    def component_uj(self, phase: str, profile: HardwareProfile, key: str) -> float:
        """Mean uJ per image of one component."""
        return statistics.mean(e.components_pj[key] / images / 1e6 for e, images in self.per_image(phase, profile))

    def sops(self, phase: str) -> list[float]:
        """Synaptic operations per image of each seed."""
        return [getattr(seed.costs.cost, f"{phase}_sops") for seed in self.seeds]

    def all_events(self, phase: str) -> PhaseEvents:
        """Events and images of all seeds together."""
        events, images = HardwareEvents(*([0] * len(EVENT_KEYS))), 0
        for seed in self.seeds:
            events, images = events + seed.phases[phase].events, images + seed.phases[phase].images
        return PhaseEvents(events, images)


def measure(preset: str, method: str, grids: Grids, data_dir: Path | None, out: Path) -> Network:
    """Train (or read) the runs of one size and method."""
    configurations: Sequence[Settings] | None = grids.at(preset, "aptn" if method == "unpruned" else method, 10)
    seeds = []
    # Some methods have more seeds at this point than others; all are compared over the same ones.
    for settings in (each for each in configurations or () if each.seed in grids.seeds(preset)):
        chosen = unpruned(settings) if method == "unpruned" else settings
        folder = out / f"{preset}-{method}-seed{chosen.seed}"
        train(chosen, data_dir, folder, resume=(folder / "config.toml").exists(), progress=True)
        effective = count_effective(folder, data_dir)
        seeds.append(Seed(chosen.seed, read_run_costs(folder), events_of_run(folder), effective))
        print(f"{folder.name}: done", file=sys.stderr, flush=True)
    return Network(preset, method, tuple(seeds))


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table and an empty line."""
    titles = list(header)
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def mean(values: Sequence[float], form: str = "{:,.2f}") -> str:
    """Mean +- standard deviation."""
    text = form.format(statistics.mean(values))
    return f"{text} +- {statistics.stdev(values):.2g}" if len(values) > 1 else text


def columns(networks: Sequence[Network]) -> list[tuple[Network, str]]:
    """Training of every method, then inference."""
    return [(network, phase) for phase in PHASES for network in networks]


def headings(networks: Sequence[Network]) -> list[str]:
    """Of `columns`."""
    return [f"{phase}: {network.method}" for network, phase in columns(networks)]


def component_table(networks: Sequence[Network], profile: HardwareProfile) -> list[str]:
    """uJ per image by component."""
    places = columns(networks)
    rows = []
    for key in profile.prices:
        values = [network.component_uj(phase, profile, key) for network, phase in places]
        if any(values):
            rows.append([COMPONENT_NAMES[key], *(f"{value:,.4f}" for value in values)])
    rows.append(["**total**", *(f"**{mean(n.totals_uj(phase, profile))}**" for n, phase in places)])
    lacks = lacking(networks, profile)
    without = f"; without {names(lacks)}" if lacks else ""
    lines = [f"**{profile.name}** ({profile.title}; {', '.join(profile.qualities)}), uJ per image{without}:", ""]
    return lines + table(["", *headings(networks)], rows)


def lacking(networks: Sequence[Network], profile: HardwareProfile) -> set[str]:
    """Events that were counted and that the profile has no price for."""
    places = columns(networks)
    return {key for network, phase in places for e, _ in network.per_image(phase, profile) for key in e.unpriced_events}


def names(events: set[str]) -> str:
    """What they are called, in their order."""
    return ", ".join(COMPONENT_NAMES[key] for key in EVENT_KEYS if key in events)


def totals_table(networks: Sequence[Network], profiles: Sequence[HardwareProfile]) -> list[str]:
    """uJ per image and pJ per synaptic operation by every profile; totals that lack something have a star."""
    rows = []
    for profile in profiles:
        cells: list[str] = []
        for network, phase in columns(networks):
            totals = network.totals_uj(phase, profile)
            per_sop = [1e6 * total / sops for total, sops in zip(totals, network.sops(phase), strict=True)]
            star = "\\*" if any(e.unpriced_events for e, _ in network.per_image(phase, profile)) else ""
            cells.append(f"{digits(statistics.mean(totals))}{star} ({digits(statistics.mean(per_sop))})")
        missing = names(lacking(networks, profile)) or "nothing"
        rows.append([f"{profile.name} ({', '.join(profile.qualities)})", *cells, missing])
    return table(["profile", *headings(networks), "\\* lacks"], rows)


def digits(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def ranges_table(networks: Sequence[Network], profiles: Sequence[HardwareProfile]) -> list[str]:
    """Range over the profiles of each chip, uJ per image."""
    rows = []
    for chip in dict.fromkeys(profile.chip for profile in profiles):
        cells = []
        for network, phase in columns(networks):
            together = network.all_events(phase)
            spread = spread_over(together.events, profiles_of_chip(chip))
            low, high = (digits(pj / together.images / 1e6) for pj in (spread.low_pj, spread.high_pj))
            cells.append(f"{low} .. {high} ({len(spread.compared)})" if len(spread.compared) > 1 else f"{low} (1)")
        rows.append([chip, *cells])
    return table(["chip", *headings(networks)], rows)


def steps_table(networks: Sequence[Network], profile: HardwareProfile) -> list[str]:
    """Energy of a step, its time, and what static power would add."""
    rows = []
    for network, phase in columns(networks):
        together = network.all_events(phase)
        time_us, _ = StaticPower().time_us(together.events, profile)
        static = StaticPower().energy_pj(together.events, profile)
        total = estimate_energy(together.events, profile).total_pj
        rows.append(
            [
                f"{phase}: {network.method}",
                f"{total / together.events.steps / 1e6:.3f}",
                f"{time_us / together.events.steps:,.1f}",
                f"{static / together.images / 1e6:,.0f}",
            ]
        )
    header = ["", "uJ per time step", "us per step by published latencies, one event after the other",
              "static power over that time, uJ per image"]  # fmt: skip
    return table(header, rows)


def cost_table(networks: Sequence[Network]) -> list[str]:
    """Section "Computational Cost" of the paper."""
    base = networks[0]
    rows = []
    for network in networks:
        training, inference = (statistics.mean(network.sops(phase)) for phase in PHASES)
        row = [network.method, f"{training:,.0f}", f"{inference:,.0f}"]
        if network is not base:
            shares = [
                [100 * a / b for a, b in zip(network.sops(phase), base.sops(phase), strict=True)] for phase in PHASES
            ]
            losses = [100 * (b.costs.cost.accuracy - a.costs.cost.accuracy)
                      for a, b in zip(network.seeds, base.seeds, strict=True)]  # fmt: skip
            total = [a.costs.cost.total_sops / b.costs.cost.total_sops
                     for a, b in zip(network.seeds, base.seeds, strict=True)]  # fmt: skip
            merits = [figure_of_merit(loss, share) for loss, share in zip(losses, total, strict=True)]
            error = statistics.stdev(losses) / len(losses) ** 0.5 if len(losses) > 1 else float("nan")
            says = mean(merits) if is_clear(statistics.mean(losses), error) else "the loss is within the noise"
            row += [mean(shares[0], "{:.1f}"), mean(shares[1], "{:.1f}"), mean(losses), says]
        rows.append(row + ["-"] * (7 - len(row)))
    header = ["", "training SOPs / image", "inference SOPs / image", "training, % of unpruned",
              "inference, % of unpruned", "accuracy loss, points", "figure of merit, points"]  # fmt: skip
    return table(header, rows)


def neurobench_table(networks: Sequence[Network]) -> list[str]:
    """NeuroBench's metrics of inference."""
    rows = []
    for network in networks:
        found = [neurobench_metrics(seed.costs, seed.effective) for seed in network.seeds]
        row = [network.method]
        for key, form in (
            ("effective_acs", "{:,.0f}"), ("existing_acs", "{:,.0f}"), ("connection_sparsity", "{:.4f}"),
            ("activation_sparsity", "{:.6f}"), ("footprint_bytes", "{:,.0f}"),
        ):  # fmt: skip
            row.append(form.format(statistics.mean(metrics[key] for metrics in found)))
        rows.append(row)
    header = ["", "effective ACs / image", "ACs of existing synapses / image", "connection sparsity",
              "activation sparsity", "footprint, bytes"]  # fmt: skip
    return table(header, rows)


def counts_table(networks: Sequence[Network]) -> list[str]:
    """Events per image."""
    places = [(network.all_events(phase), network, phase) for network, phase in columns(networks)]
    rows = []
    for key in EVENT_KEYS:
        values = [each.events.to_dict()[key] / each.images for each, _, _ in places]
        rows.append([key, *(f"{value:,.1f}" for value in values)])
    return table(["event", *headings(networks)], rows)


def neuron_share(networks: Sequence[Network], profile: HardwareProfile) -> list[str]:
    """How the neuron updates of inference compare with its synaptic operations."""
    shares = []
    for network in networks:
        updates, operations = (
            sum(network.component_uj("inference", profile, key) for key in keys)
            for keys in (("neuron_updates_active", "neuron_updates_inactive"), ("synaptic_ops",))
        )
        shares.append(f"{network.method} {updates / operations:.2f}")
    return [
        f"By {profile.name}, the neuron updates of inference take so many times the energy of its synaptic operations: "
        f"{', '.join(shares)}.",
        "",
    ]


def conventional_lines(costs: RunCosts, networks: Sequence[Network]) -> list[str]:
    """A conventional network of equal size beside ours on the same 45 nm."""
    rows = []
    for profile in (load_profile(name) for name in known_profiles()):
        if not profile.conventional:
            continue
        estimate = conventional_layer(costs.n_inputs, costs.n_neurons, profile)
        ours = [mean(network.totals_uj("inference", profile)) for network in networks]
        parts = [f"{pj / 1e6:.3f}" for pj in estimate.components_pj.values()]
        rows.append([profile.name, *parts, f"{estimate.total_pj / 1e6:.3f}", *ours])
    header = ["", "MACs, uJ", "memory accesses, uJ", "total, uJ", *(f"ours, inference: {n.method}" for n in networks)]
    return table(header, rows)


def overhead_lines(costs: RunCosts) -> list[str]:
    """Section "Implementation Overhead" of the paper."""
    overhead = overhead_of_run(costs)
    return [
        f"Pruning controller, 20 groups, {overhead.schedule.n_events} events: {overhead.operations.total:,} operations "
        f"and {overhead.cycles.total:,} cycles an event, {overhead.per_image(overhead.operations):.1f} operations and "
        f"{overhead.energy_pj_per_image:.1f} pJ a training image; {overhead.gates.nand:,} NAND gates and "
        f"{overhead.gates.brams} block RAMs (`lavaprune overhead` for any other size).",
        "",
    ]


def section(networks: Sequence[Network], docs: Path) -> list[str]:
    """Everything about one size; writes its picture."""
    first = networks[0]
    costs = first.seeds[0].costs
    profiles = [load_profile(name) for name in known_profiles()]
    default = load_profile()
    draw(networks, default, docs / f"energy-{first.preset}.png")
    numbers = ", ".join(str(seed.number) for seed in first.seeds)
    accuracies = ", ".join(f"{n.method} {mean([100 * s.costs.cost.accuracy for s in n.seeds])} %" for n in networks)
    kept = ", ".join(
        f"{n.method} {100 * statistics.mean(float((s.costs.weights != 0).mean()) for s in n.seeds):.1f} %"
        for n in networks
    )
    return [
        f"## {first.preset}: {costs.n_inputs} inputs, {costs.n_neurons} neurons",
        "",
        f"Seeds {numbers}; {costs.train_images:,} training and {costs.cost.test_images:,} test images, "
        f"{costs.settings.steps} steps each. Accuracy: {accuracies}. Weights that are not 0: {kept}.",
        "",
        f"![Energy of an image by component](energy-{first.preset}.png)",
        "",
        "### By component",
        "",
        *(line for p in profiles if len(p.prices) > 1 and p.chip != "loihi2" for line in component_table(networks, p)),
        *neuron_share(networks, default),
        "### Over all profiles",
        "",
        "uJ per image, and in brackets pJ per synaptic operation: the total over the operations as the paper counts "
        "them (training: accumulations and weight updates; inference: accumulations).",
        "",
        *totals_table(networks, profiles),
        "Range over the profiles of each chip (their number; a profile that lacks more than another is left out):",
        "",
        *ranges_table(networks, profiles),
        f"### Per time step by {default.name}, and what event models leave out",
        "",
        *steps_table(networks, default),
        "### A conventional network of equal size",
        "",
        f"One dense, unpruned pass of {costs.n_inputs} x {costs.n_neurons} multiply-accumulates at 45 nm, every word "
        f"in an 8 kB SRAM, beside our inference by the same prices, uJ per image. Ours takes {costs.settings.steps} "
        "time steps to do it; a conventional layer computes once.",
        "",
        *conventional_lines(costs, networks),
        "### Computational cost (Guo et al. 2020)",
        "",
        *cost_table(networks),
        *overhead_lines(next(n for n in networks if n.method == "aptn").seeds[0].costs),
        "### NeuroBench's metrics, inference",
        "",
        *neurobench_table(networks),
        "### Events per image",
        "",
        "Spike messages and hops are those of the placement of `lavaprune fit` on Loihi 1's cores; another chip would "
        "have its own.",
        "",
        *counts_table(networks),
    ]


def draw(networks: Sequence[Network], profile: HardwareProfile, path: Path) -> None:
    """Bars of all methods, training and inference, seeds together."""
    together = {f"{phase}, {network.method}": network.all_events(phase) for network, phase in columns(networks)}
    peers = profiles_of_chip(profile.chip)
    figure = energy_figure(
        {name: estimate_energy(each.events, profile) for name, each in together.items()},
        {name: each.images for name, each in together.items()},
        {name: spread_over(each.events, peers) for name, each in together.items()},
    )
    save_figure(figure, path)


def csv_text(networks: Iterable[Network]) -> str:
    """Every seed, phase, profile and component."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["preset", "method", "seed", "phase", "images", "profile", "component", "count", "pj_per_image"])
    for network in networks:
        for seed in network.seeds:
            for phase, each in seed.phases.items():
                for profile in map(load_profile, known_profiles()):
                    counts = each.events.to_dict()
                    for key, pj in estimate_energy(each.events, profile).components_pj.items():
                        where = [network.preset, network.method, seed.number, phase, each.images, profile.name]
                        writer.writerow([*where, key, counts[key], f"{pj / each.images:.6g}"])
    return stream.getvalue()


def page(networks: Sequence[Network], docs: Path) -> str:
    """The page."""
    caveat = load_profile(DEFAULT_PROFILE).caveat
    lines = [
        "# Energy of an MNIST image",
        "",
        f"All energies are **{ENERGY_LABEL}**: counts of events, which were measured, times energies per event, which "
        "are the cited profiles' ([energy/profiles](../../energy/profiles), [how](../energy.md)). They are estimates. "
        f"{caveat} Loihi 2 stands here only as a proxy by Loihi 1's numbers. Means over the seeds, +- their standard "
        "deviation; every seed, profile and component: [energy.csv](energy.csv).",
        "",
        "```sh",
        COMMAND,
        "```",
        "",
        "APTN and contrast have 10 % of the synapses left (the settings of `lavaprune reproduce table2`). Neuron "
        "updates come with every step, spike or not, and pruning does not save them.",
        "",
    ]
    for preset in dict.fromkeys(network.preset for network in networks):
        lines += section([network for network in networks if network.preset == preset], docs)
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--seeds", nargs="+", type=int, help="instead of the reproduction's own")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--docs", type=Path, required=True, help="folder of the page")
    arguments = parser.parse_args()
    try:
        with writable_folder(arguments.out), writable_folder(arguments.docs):
            grids = Grids(seeds=arguments.seeds)
            networks = [
                measure(preset, method, grids, arguments.data_dir, arguments.out)
                for preset in arguments.preset
                for method in METHODS
            ]
            write_text(arguments.docs / "energy.md", page(networks, arguments.docs))
            write_text(arguments.docs / "energy.csv", csv_text(networks))
    except LavapruneError as error:
        print(f"energy: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
