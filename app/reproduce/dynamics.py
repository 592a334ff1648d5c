"""Figures 2 and 5: how an unpruned network settles, and how its neurons fall into groups."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from lavaprune.datasets.loader import load_dataset
from lavaprune.plots.style import BLUE, CATEGORICAL, MUTED, VERMILLION, light_grid, styled
from lavaprune.pruning.grouping import group_sorted
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import compare_at_most, compare_larger
from lavaprune.reproduce.drawing import note, panels
from lavaprune.reproduce.experiment import Context, Experiment, no_runs
from lavaprune.reproduce.grids import QUICK_PRESET
from lavaprune.reproduce.outcome import Outcome
from lavaprune.reproduce.own_runs import STRETCHES, Arrays, development, kept
from lavaprune.reproduce.runs import Runs

_HALF = STRETCHES // 2  # pruning starts after half of the images


def developments(context: Context, only_first: bool = False) -> tuple[list[int], list[Arrays]]:
    """Seeds, and the development of the unpruned network of each."""
    configurations = context.grids.unpruned(QUICK_PRESET)[: 1 if only_first else None]
    found = []
    for settings in configurations:
        data = load_dataset(settings.dataset, context.data_dir)
        found.append(kept(context.out, "development", settings, data, partial(development, settings, data)))
    return [settings.seed for settings in configurations], found


def _fig2(context: Context, runs: Runs) -> Outcome:
    del runs
    seeds, courses = developments(context)
    spikes = np.stack([course["counts"].mean(axis=1) for course in courses])
    mean, variance = (np.stack([course[f"dw_{name}"] for course in courses]) for name in ("mean", "variance"))
    images = courses[0]["images"]
    outcome = Outcome(
        "Fig. 2: the network while it learns, unpruned",
        "Mean spike count of the neurons, and mean and variance of the weights' changes, over stretches of a twelfth "
        "of the training images (5,000); MNIST, N = 100.",
        {"": development_figure(images, spikes, mean, variance)},
        notes=[
            "The paper shows its curves as pictures only: compared are the statements of its text.",
            "A change is the weight at a stretch's end less that at its begin. Its mean stays near 0 in a network "
            "whose columns are normalised.",
            "Learning rates are annealed from the share `learning.anneal_start` of the images on: that alone makes "
            "later changes smaller.",
        ],
    )
    for k, end in enumerate(images):
        row = {"images": int(end), "n": len(seeds), "seeds": " ".join(map(str, seeds))}
        for name, values in (("spike_count", spikes), ("dw_mean", mean), ("dw_variance", variance)):
            row |= {f"{name}_mean": float(values[:, k].mean())}
            row |= {f"{name}_std": float(values[:, k].std(ddof=1)) if len(seeds) > 1 else None}
        outcome.rows.append(row)
    for words, values in (("mean spike count", spikes), ("variance of weight changes", variance)):
        early, late = relative_steps(values)
        outcome.comparisons.append(
            compare_larger(
                f"the {words} has settled after 30,000 images (mean relative step from stretch to stretch before, "
                "less that after)",
                100 * (early - late),
                "%",
            )
        )
    return outcome


def relative_steps(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean relative change from one stretch to the next, (seeds, 12) -> per seed: in the first half, in the second."""
    steps = np.abs(np.diff(values, axis=1)) / np.maximum(np.abs(values[:, :-1]), 1e-12)
    return steps[:, : _HALF - 1].mean(axis=1), steps[:, _HALF - 1 :].mean(axis=1)


@styled
def development_figure(images: np.ndarray, spikes: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> Figure:
    """(A) spike counts, (B) mean and variance of weight changes; bars are standard deviations over the seeds."""
    figure, (left, right) = panels(1, 2, 4.3, 3.1)
    other = right.twinx()
    for axes, values, color, label in (
        (left, spikes, BLUE, "spikes per neuron and stretch"),
        (right, mean, BLUE, "mean change, share of w_max"),
        (other, variance, VERMILLION, "variance of the change"),
    ):
        bars = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
        axes.errorbar(images, values.mean(axis=0), yerr=bars, color=color, marker="o", markersize=3.5, elinewidth=0.8)
        axes.set_ylabel(label, color=color)
        axes.axvline(images[_HALF - 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlabel("training images")
    left.set_ylim(bottom=0)
    left.set_title("Firing")
    right.set_title("Weight changes")
    light_grid(left)
    other.spines["right"].set_visible(True)
    note(figure, "Bars: standard deviation over the seeds. Dashed: where pruning would start.")
    return figure


def _fig5(context: Context, runs: Runs) -> Outcome:
    del runs
    grids = context.grids
    seeds, (course,) = developments(context, only_first=True)
    counts = course["counts"][_HALF - 1]
    chosen = grids.at(QUICK_PRESET, "aptn", 10) or grids.unpruned(QUICK_PRESET)
    interval = chosen[0].pruning.spike_interval
    intervals = list(dict.fromkeys([paper.SPIKE_INTERVAL, interval]))
    groups = {each: group_sorted(counts, each) for each in intervals}
    outcome = Outcome(
        "Fig. 5: groups of neurons",
        f"Neurons in the order of their spike counts over the batch before the first pruning event (seed {seeds[0]}), "
        "and the groups that they fall into; MNIST, N = 100.",
        {"": grouping_figure(counts, groups)},
        notes=[
            "The paper's illustration uses an example distribution and SI = 50.",
            *(f"SI = {each}: {int(group.max()) + 1} groups." for each, group in groups.items()),
        ],
    )
    for neuron in np.argsort(counts, kind="stable"):
        row = {"neuron": int(neuron), "spikes": int(counts[neuron]), "n": 1, "seeds": seeds[0]}
        outcome.rows.append(row | {f"group_si_{each}": int(group[neuron]) for each, group in groups.items()})
    for each, group in groups.items():
        outcome.comparisons.append(
            compare_at_most(
                f"number of groups, SI = {each}{' (ours)' if each == interval else ''}: fewer than 20",
                [int(group.max()) + 1],
                19,
                "groups",
            )
        )
    return outcome


@styled
def grouping_figure(counts: np.ndarray, groups: Mapping[int, np.ndarray]) -> Figure:
    """Sorted spike counts; neighbouring groups in different colours."""
    figure, axes = panels(1, len(groups), 4.6, 3.1)
    order = np.argsort(counts, kind="stable")
    for panel, (interval, group) in zip(axes, groups.items(), strict=True):
        colors = [CATEGORICAL[int(g) % len(CATEGORICAL)] for g in group[order]]
        panel.bar(np.arange(len(order)), counts[order], 0.9, color=colors)
        panel.set_title(f"SI = {interval}: {int(np.max(group)) + 1} groups")
        panel.set_xlabel("neurons, from the weakest")
        panel.set_ylabel("spikes over the batch")
        light_grid(panel)
    return figure


EXPERIMENTS = {
    "fig2": Experiment("Fig. 2: network dynamics", no_runs, _fig2),
    "fig5": Experiment("Fig. 5: grouping", no_runs, _fig5),
}
