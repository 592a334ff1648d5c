"""The page of a deep run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lavaprune.deep.configuration import build_deep_settings
from lavaprune.deep.core_fit import fit_of_deep_run
from lavaprune.deep.costs import TRAINED_ON_HOST
from lavaprune.energy.chip import DEFAULT_CHIP
from lavaprune.report.confusion import confusion_rows, mistakes_of
from lavaprune.report.costs import energy_page, layers_table
from lavaprune.report.deep_contents import DeepContents, read_deep_contents
from lavaprune.report.deep_history import deep_history_charts, deep_metrics_table, weight_charts
from lavaprune.report.page import accuracy_error, class_names, environment
from lavaprune.report.provenance import rerun_command, setting_sections

_DATASETS = {
    "digits": "Digits",
    "mnist": "MNIST",
    "fashion": "Fashion-MNIST",
    "nmnist": "N-MNIST",
    "dvsgesture": "DVS-Gesture",
    "cifar10": "CIFAR-10",
    "cifar10-jpeg": "CIFAR-10 (JPEG)",
}
_METHODS = {"sdsnn": "pruned by SD-SNN", "none": "dense", "set": "pruned by SET", "rigl": "pruned by RigL"}


def deep_page(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the page of a finished deep run and its headline numbers; the same run gives the same text.

    Raises
    ------
    InputError
        If the run is none, not finished or damaged, or lava-dl is not installed.
    """
    run = read_deep_contents(folder)
    settings, result = run.settings, run.result
    names = class_names(settings.dataset, len(result.confusion))
    page = environment().get_template("deep.html").render(
        run=run,
        settings=settings,
        result=result,
        settings_sha256=settings.sha256(),
        title=_title(run),
        accuracy_error=accuracy_error(result.accuracy, result.test_images),
        size=run.costs.size,
        weights=weight_charts(run),
        charts=deep_history_charts(run),
        metrics_rows=deep_metrics_table(run),
        images_name="test",
        longest_name=max(map(len, names)),
        confusion=confusion_rows(run.confusion, names),
        mistakes=mistakes_of(run.confusion, names),
        weights_left=run.costs.network.alive,
        weights_all=run.costs.network.weights,
        layers=result.connectivity_per_layer,
        sops=layers_table(result.sops_per_image_per_layer),
        energy=energy_page(run.costs.phases()),
        trained_on_host=TRAINED_ON_HOST,
        fit=fit_of_deep_run(folder, DEFAULT_CHIP),
        sections=setting_sections(settings, build_deep_settings),
        command=rerun_command(settings, build_deep_settings, "lavaprune deep train"),
    )
    return page, {
        "accuracy": result.accuracy,
        "connectivity": result.connectivity,
        "training_sops_per_image": None,
        "inference_sops_per_image": result.sops_per_image,
    }


def _title(run: DeepContents) -> str:
    method = run.settings.pruning.method
    return f"{_DATASETS[run.settings.dataset]}, {run.costs.size}, {_METHODS.get(method, f'pruned by {method}')}"
