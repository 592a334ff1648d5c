"""When two configurations are the same run, and which pruning settings a method uses at all."""

from __future__ import annotations

from typing import Any

from lavaprune.configuration import NO_PRESET, validate
from lavaprune.pruning.contrast_method import ContrastPruning
from lavaprune.pruning.method import PruningMethod
from lavaprune.pruning.neuron_method import NeuronPruning
from lavaprune.pruning.threshold_functions import PAPER_FACTORS_NEURONS, PAPER_FACTORS_TIME
from lavaprune.pruning.threshold_methods import ThresholdPruning
from lavaprune.settings import LATER_PRUNING, PruningSettings, Settings

# Settings that no number in a result depends on: both engines and every chunking give the same bits.
OUTPUT_ONLY = ("engine", "samples_per_step", "checkpoint_images", "metrics_images", "pictures")
# Where the batches end is a setting of every run: it says where the times before and after are cut, too.
SCHEDULE = ("start", "batch")


def canonical(settings: Settings) -> Settings:
    """The settings by which a run is known: what changes no number in its result is at its default.

    Output-only settings and the preset's name go, an unpruned run keeps of ``pruning.*`` only where batches end, and
    the paper's factors become numbers.
    """
    values = settings.to_dict()
    defaults = Settings().to_dict()
    values |= {name: defaults[name] for name in OUTPUT_ONLY} | {"preset": NO_PRESET}
    if settings.pruning.method == "none":
        values["pruning"] = defaults["pruning"] | {name: values["pruning"][name] for name in SCHEDULE}
    else:
        method = settings.pruning.build_method()
        values["pruning"]["rescale"] = method.rescale
        if method.rescale == "none" and type(method).__module__.startswith("lavaprune.pruning."):
            # of a method of ours they have no effect then
            values["pruning"] |= {name: defaults["pruning"][name] for name in ("gain", "first_gain")}
        if isinstance(method, ThresholdPruning | NeuronPruning):
            values["pruning"] |= paper_factors(settings.pruning)
    return validate(values)


def config_sha256(settings: Settings) -> str:
    """The key of a run among the results: SHA-256 of its canonical settings, in hexadecimal."""
    return canonical(settings).sha256()


def paper_factors(pruning: PruningSettings) -> dict[str, float]:
    """``factor_time`` and ``factor_neurons`` as numbers."""
    time, neurons = pruning.factor_time, pruning.factor_neurons
    law = "f1" if pruning.method == "neuron" else pruning.function  # neuron pruning knows one law only
    return {
        "factor_time": PAPER_FACTORS_TIME[law] if time == "paper" else time,
        "factor_neurons": PAPER_FACTORS_NEURONS[pruning.function] if neurons == "paper" else neurons,
    }


def used_pruning_settings(settings: Settings) -> dict[str, Any]:
    """The ``pruning.*`` settings that the method uses, by name; of a user's own method all.

    Factors are numbers, and the rule of rescaling is the one that holds. A gain of 1, or without effect, is left out.
    """
    pruning = settings.pruning
    method = pruning.build_method()
    values = {**pruning.model_dump(), **paper_factors(pruning), "rescale": method.rescale}
    used = {"method", *_used_by(pruning, method, values)}
    for name in LATER_PRUNING:
        has_effect = name == "potentiation" or method.rescale != "none"
        if getattr(pruning, name) == 1 or not has_effect:
            used.discard(name)
        elif "rescale" in used:
            used.add(name)
    return {name: value for name, value in values.items() if name in used}


def _used_by(pruning: PruningSettings, method: PruningMethod, values: dict[str, Any]) -> set[str]:
    used = set() if method.when == "after_training" else set(SCHEDULE)
    if pruning.method in ("none", "zero"):
        return set() if pruning.method == "none" else used | {"rescale"}
    if isinstance(method, ContrastPruning):
        return used | {"connectivity", "redundant", "rescale"}
    if isinstance(method, NeuronPruning):
        factor = {"factor_time"} if pruning.strategy == "adaptive" else set()
        limit = "neurons_removed" if pruning.strategy == "fixed" else "spike_threshold"
        return used | factor | {"strategy", limit, "rescale"}
    if not isinstance(method, ThresholdPruning):
        return set(values)
    used |= {"threshold", "rescale"}
    if method.adapts_over_time:
        used |= {"function", "factor_time"}
    if method.adapts_over_neurons:
        used |= {"function", "factor_neurons", "spike_interval", "grouping"}
    return used


def describe(settings: Settings) -> str:
    """A configuration in a few words, for an error of one line."""
    used = used_pruning_settings(settings)
    method = used.pop("method")
    words = [settings.dataset, f"N={settings.neurons}", f"seed={settings.seed}", method]
    return " ".join([*words, *(f"{name}={value}" for name, value in used.items())])
