"""Search for hyper-parameters with Optuna, on training images only.

The last ``validation_images`` of the training images take the place of the test images; they take no part in STDP. The
test images are never loaded into a trial. Seeds of trials start at `FIRST_SEED`, far from the seeds 1..5 that results
are reported for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend

from lavaprune.configuration import merge, parse_assignment, validate
from lavaprune.datasets.dataset import Dataset
from lavaprune.energy.counts import TRAINING_ROW, counter_index
from lavaprune.errors import InputError, RunError
from lavaprune.files import writable_folder, write_text
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.settings import Settings
from lavaprune.training.offline import CHUNK_IMAGES, accuracy_offline, train_offline

FIRST_SEED = 1001
VALIDATION_IMAGES = 10_000

# name: (low, high, logarithmic) for 784 inputs; integers stay integers
Space = dict[str, tuple[float, float, bool]]
SPACE: Space = {
    "learning.tau_x_ms": (4.0, 80.0, True),
    "learning.tau_y1_ms": (4.0, 80.0, True),
    "learning.tau_y2_ms": (20.0, 200.0, True),
    "learning.mu_pre": (1e-5, 1e-3, True),
    "learning.mu_post": (2e-3, 6e-2, True),
    "learning.column_sum": (20.0, 120.0, True),
    "learning.anneal_start": (0.0, 0.6, False),
    "learning.anneal_end": (0.02, 0.5, True),
    "network.gain_exc": (0.5, 5.0, True),
    "network.gain_inh": (15.0, 600.0, True),
    "network.refractory_steps": (0, 8, False),
    "network.theta_init_mv": (0.5, 20.0, False),
    "network.theta_plus_mv": (0.002, 0.2, True),
    "network.tau_theta_ms": (1e6, 1e8, True),
    "encoding.max_rate_hz": (30.0, 140.0, True),
    "encoding.equalise": (0.4, 1.0, False),
}


TRIALS = "trials.json"
JOURNAL = "study.log"
# settings that a trial's accuracy does not depend on, or that a search sets by itself
_NO_CONDITIONS = (
    "preset", "seed", "train_images", "test_images", "label_images", "validation_images", "engine",
    "samples_per_step", "checkpoint_images", "metrics_images", "pictures",
)  # fmt: skip
EXPLOSION_IMAGES = 1_000  # after so many images a trial ends in which nearly all neurons fire at once
MOST_SPIKES_PER_IMAGE = 500
NEAR_THE_BEST = 0.015  # a trial this near the best is repeated with other seeds, so that luck does not win


def _significant(value: float) -> float:
    return float(f"{value:.4g}")


def space_for(n_inputs: int) -> Space:
    """The space for images of a size; the columns' sums grow with the number of inputs."""
    low, high, logarithmic = SPACE["learning.column_sum"]
    share = n_inputs / 784
    return {**SPACE, "learning.column_sum": (low * share, high * share, logarithmic)}


def narrowed(space: Space, centre: dict[str, Any], factor: float) -> Space:
    """The part of a space within a factor of given values; where it is linear, within factor - 1 quarters of it."""
    part: Space = {}
    for name, (low, high, logarithmic) in space.items():
        value = min(max(centre[name], low), high)
        reach = (factor - 1) * (high - low) / 4
        bounds = (value / factor, value * factor) if logarithmic else (value - reach, value + reach)
        nearest = (max(low, bounds[0]), min(high, bounds[1]))
        if isinstance(low, int):
            nearest = (int(nearest[0]), int(nearest[1] + 0.999))
        part[name] = (*nearest, logarithmic)
    return part


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """Draw every setting of the space, to four significant digits (what a preset can hold)."""
    values: dict[str, Any] = {}
    for name, (low, high, logarithmic) in space.items():
        if isinstance(low, int):
            values[name] = trial.suggest_int(name, low, int(high))
        else:
            values[name] = _significant(trial.suggest_float(name, low, high, log=logarithmic))
    return values


def _shortened(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int) else _significant(value) for name, value in values.items()}


def _within_space(values: dict[str, Any], space: Space) -> dict[str, Any]:
    return {name: min(max(values[name], low), high) for name, (low, high, _) in space.items()}


def with_values(settings: Settings, values: dict[str, Any]) -> Settings:
    """Settings with dotted names changed."""
    changed = settings.to_dict()
    for name, value in values.items():
        merge(changed, parse_assignment(f"{name}={json.dumps(value)}"))
    return validate(changed)


def present_values(settings: Settings) -> dict[str, Any]:
    """The values that the settings now have in the space's names."""
    nested = settings.to_dict()
    return {name: nested[name.split(".")[0]][name.split(".")[1]] for name in SPACE}


def validation_split(data: Dataset, n_images: int = VALIDATION_IMAGES) -> Dataset:
    """Hold the last training images out; at most a fifth of them, at least one."""
    if len(data.train_images) < 2:
        raise InputError(f"search with {data.name}: there is 1 training image; allowed: from 2, one to validate with")
    return data.hold_out(min(n_images, max(1, len(data.train_images) // 5)))


def best_values(folder: Path, count: int = 5) -> list[dict[str, Any]]:
    """The best settings of a study, by dotted name, from its ``trials.json``."""
    path = folder / TRIALS
    try:
        rows = json.loads(path.read_bytes())[:count]
        found = [{name: row["values"][name] for name in SPACE if name in row["values"]} for row in rows]
        if not all(type(value) in (int, float) for values in found for value in values.values()):
            raise ValueError("a value is no number")
        return found
    except FileNotFoundError:
        raise InputError(f"study {folder}: has no {TRIALS}; allowed: a folder of lavaprune search") from None
    except (ValueError, TypeError, KeyError, OSError, RecursionError) as error:
        raise InputError(f"{path}: not the trials of a search ({error})") from None


def _open_study(out: Path) -> optuna.Study:
    """Begin the study, or load the one that the folder holds."""
    journal = out / JOURNAL
    try:
        with writable_folder(out):
            return optuna.create_study(
                study_name="search",
                storage=optuna.storages.JournalStorage(JournalFileBackend(str(journal))),
                load_if_exists=True,
                direction="maximize",
                sampler=optuna.samplers.TPESampler(seed=FIRST_SEED, multivariate=True, n_startup_trials=10),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=10, n_warmup_steps=0),
            )
    except OSError as error:
        raise InputError(f"output folder {out}: cannot be written ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(f"{journal}: not the journal of a search ({type(error).__name__}: {error})") from None


def _count_ended(study: optuna.Study) -> int:
    """Trials that came to their end or were given up as hopeless; not those that Ctrl-C or an error ended."""
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return len(study.get_trials(deepcopy=False, states=states))


def _conditions(settings: Settings, split: Dataset, n_train: int) -> dict[str, Any]:
    """What all trials of a study have in common, by dotted name: without it their accuracies do not compare."""
    named: dict[str, Any] = {"data sha256": split.sha256(), "--train-images": n_train}
    for name, value in settings.to_dict().items():
        named |= {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
    return {name: value for name, value in named.items() if name not in (*SPACE, *_NO_CONDITIONS)}


def _require_same_conditions(study: optuna.Study, out: Path, here: dict[str, Any]) -> None:
    there = study.user_attrs.get("conditions")
    if there is None:
        study.set_user_attr("conditions", here)
        return
    for name, value in here.items():
        if name in there and there[name] != value:
            raise InputError(
                f"study {out}: {name} is {there[name]!r} there and {value!r} here; allowed: the same, or another --out"
            )


def search(
    settings: Settings,
    data: Dataset,
    trials: int,
    out: Path,
    train_images: int | None = None,
    starts: Sequence[dict[str, Any]] = (),
    narrow: float | None = None,
    repeats: int = 2,
    on_trial: Callable[[optuna.Study, optuna.trial.FrozenTrial], None] | None = None,
) -> dict[str, Any]:
    """Run the study until it has ``trials`` finished trials; continues one that ``out`` already holds.

    Parameters
    ----------
    settings : Settings
        Where the search starts (its own values are the first trial) and what it does not vary.
    data : Dataset
        The whole data set; `validation_split` decides what the trials see.
    trials : int
    out : Path
        Folder of the study: ``study.log`` (Optuna's journal) and ``trials.json``, best first.
    train_images : int, optional
        Training images of a trial; default all that are not held out.
    starts : sequence of dict
        More settings to try first, by dotted name; what they leave out is as in ``settings``.

    narrow : float, optional
        Search only within this factor of the start (the first of ``starts``, else ``settings``); see `narrowed`.
    repeats : int
        Seeds of a trial; those after the first are left out where the mean is not near the best trial's.

    Returns
    -------
    dict
        ``accuracy`` (validation, 0..1), ``trials``, ``values``.
    """
    if settings.pruning.method != "none":
        raise InputError(f"search: setting 'pruning.method' is {settings.pruning.method!r}; allowed: none")
    split = validation_split(data)
    space = space_for(data.n_inputs)
    if narrow is not None:
        space = narrowed(space, {**present_values(settings), **(starts[0] if starts else {})}, narrow)
    n_train = min(train_images or len(split.train_images), len(split.train_images))
    n_label = n_train if repeats > 2 else min(10_000, max(1, n_train // 4))
    # hopeless trials end here: at the end of a chunk in the first pass
    early = min(n_train * settings.passes * 2 // 5, n_train) // CHUNK_IMAGES * CHUNK_IMAGES
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # else a line, and a traceback, for what ends a search early
    study = _open_study(out)
    _require_same_conditions(study, out, _conditions(settings, split, n_train))
    if not study.trials:
        for start in ({}, *starts):
            study.enqueue_trial(_within_space({**present_values(settings), **start}, space))

    def evaluate(trial: optuna.Trial, chosen: Settings, report: bool) -> float:
        def look(engine: FusedEngine, presented: int) -> None:
            if presented == EXPLOSION_IMAGES:
                spikes = engine.counters[TRAINING_ROW, counter_index("exc_spikes")] / presented
                if spikes > MOST_SPIKES_PER_IMAGE:
                    raise optuna.TrialPruned
            if presented == early and report and narrow is None:  # near a good start, who learns late may still win
                trial.report(accuracy_offline(engine, split, 3_000, 2_000), presented)
                if trial.should_prune():
                    raise optuna.TrialPruned

        engine = train_offline(chosen, split, n_train, look)
        accuracy = accuracy_offline(engine, split, n_label, len(split.test_images))
        spikes = engine.counters[TRAINING_ROW] / (n_train * settings.passes)
        trial.set_user_attr("nonzero_weights", float((engine.weights > 0).mean()))
        trial.set_user_attr("input_spikes", float(spikes[counter_index("input_spikes")]))
        trial.set_user_attr("exc_spikes", float(spikes[counter_index("exc_spikes")]))
        return accuracy

    def objective(trial: optuna.Trial) -> float:
        values = suggest(trial, space)
        complete = [t.value for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE and t.value]
        hurdle = max(complete, default=0.0) - NEAR_THE_BEST
        accuracies: list[float] = []
        while len(accuracies) < repeats and (not accuracies or sum(accuracies) / len(accuracies) > hurdle):
            seed = FIRST_SEED + repeats * (trial.number % 3) + len(accuracies)
            chosen = with_values(settings, {**values, "seed": seed})
            accuracies.append(evaluate(trial, chosen, report=not accuracies))
        trial.set_user_attr("accuracies", accuracies)
        return sum(accuracies) / len(accuracies)

    def finished(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if on_trial is not None:
            on_trial(study, trial)
        if _count_ended(study) >= trials:
            study.stop()

    if _count_ended(study) < trials:
        study.optimize(objective, n_trials=None, callbacks=[finished])
    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE and t.value is not None]
    if not complete:
        raise RunError(f"search {out}: none of {trials} trials came to its end: too many spikes in each")
    ranked = sorted(complete, key=lambda t: -(t.value or 0))
    rows = [
        {"number": t.number, "accuracy": t.value, "values": _shortened(t.params), **t.user_attrs} for t in ranked
    ]
    write_text(out / TRIALS, json.dumps(rows, indent=1) + "\n")
    return {"accuracy": ranked[0].value, "trials": len(ranked), "values": _shortened(ranked[0].params)}
