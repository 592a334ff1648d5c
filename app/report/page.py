"""The page: what is on it, and how it is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from lavaprune.deep.run_folder import is_deep_run
from lavaprune.energy_report import events_of_run
from lavaprune.errors import InputError
from lavaprune.files import write_text
from lavaprune.plots.run_pictures import CLASS_NAMES
from lavaprune.report.confusion import confusion_rows, mistakes_of
from lavaprune.report.contents import RunContents, Snapshot, read_contents
from lavaprune.report.costs import energy_page, sops_table
from lavaprune.report.history import count, history_charts, metrics_table, percent
from lavaprune.report.maps import FEW, ClassRow, Sprite, class_rows, draw_sprite, shown_neurons
from lavaprune.report.provenance import rerun_command, setting_sections
from lavaprune.training.readout import UNLABELLED

REPORT = "report.html"
_TEMPLATES = Path(__file__).resolve().parent / "templates"
_SUFFIXES = (".html", ".htm")
_ACRONYMS = ("apt", "apn", "aptn")
_DATASETS = {"digits": "Digits", "mnist": "MNIST", "fashion": "Fashion-MNIST", "idx": "Own images"}


@dataclass(frozen=True)
class MapPanel:
    """The receptive fields at one moment."""

    key: str
    title: str
    note: str
    sprite: Sprite
    rows: list[ClassRow]
    is_long: bool


def write_report(folder: Path, out: Path | None = None) -> dict[str, Any]:
    """Write the page of a finished run, atomically.

    Parameters
    ----------
    folder : Path
        The RUN folder.
    out : Path, optional
        The file, default `REPORT` in the run's folder; it is replaced where it exists.

    Returns
    -------
    dict
        ``report`` (the file), ``bytes`` and the headline numbers.

    Raises
    ------
    InputError
        If the run is none, not finished or damaged, or the file cannot be written.
    """
    path = folder / REPORT if out is None else out
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"report file {path}: name ends in {path.suffix!r}; allowed: {' | '.join(_SUFFIXES)}")
    if is_deep_run(folder):
        from lavaprune.report.deep_page import deep_page

        page, headline = deep_page(folder)
    else:
        run = read_contents(folder)
        page, headline = render(run, folder), {
            "accuracy": run.result.accuracy,
            "connectivity": run.result.connectivity,
            "training_sops_per_image": run.result.sops.training_per_image,
            "inference_sops_per_image": run.result.sops.inference_per_image,
        }
    try:
        write_text(path, page)
    except OSError as error:
        raise InputError(f"report file {path}: cannot be written ({error.strerror or error})") from None
    return {"report": str(path), "bytes": len(page.encode("utf-8")), **headline}


def render(run: RunContents, folder: Path) -> str:
    """Return the page: the same run gives the same text."""
    names = class_names(run.settings.dataset, len(run.result.confusion))
    return environment().get_template("report.html").render(
        run=run,
        settings=run.settings,
        result=run.result,
        settings_sha256=run.settings.sha256(),
        title=_title(run),
        accuracy_error=accuracy_error(run.result.accuracy, run.result.test_images),
        panels=_panels(run, names),
        n_shown=len(shown_neurons(run.labels, run.theta)),
        charts=history_charts(run),
        metrics_rows=metrics_table(run),
        images_name="validation" if run.result.validation_images else "test",
        longest_name=max(map(len, names)),
        confusion=confusion_rows(run.confusion, names),
        mistakes=mistakes_of(run.confusion, names),
        unlabelled=int(np.count_nonzero(run.labels == UNLABELLED)),
        sops=sops_table(run.result),
        energy=energy_page(events_of_run(folder)),
        sections=setting_sections(run.settings),
        command=rerun_command(run.settings),
    )


def accuracy_error(accuracy: float, images: int) -> float:
    """Standard error of an accuracy on so many images."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def environment() -> jinja2.Environment:
    """What the templates are filled with: everything is escaped, and nothing may be missing."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"percent": percent, "count": count}
    return found


def class_names(dataset: str, n_classes: int) -> list[str]:
    """What the classes are called: the data set's names, or their numbers."""
    known = CLASS_NAMES.get(dataset, ())
    return list(known) if len(known) == n_classes else [str(label) for label in range(n_classes)]


def _title(run: RunContents) -> str:
    settings, method = run.settings, run.settings.pruning.method
    pruned = f"pruned by {method.upper()}" if method in _ACRONYMS else f"pruning method {method}"
    return f"{_DATASETS[settings.dataset]}, {settings.neurons:,} neurons, {pruned if run.event_images else 'unpruned'}"


def _panels(run: RunContents, names: list[str]) -> list[MapPanel]:
    neurons = shown_neurons(run.labels, run.theta)
    largest = max(1, int(run.before.weights.max(initial=0)), int(run.after.weights.max(initial=0)))
    panels = []
    for key, snapshot in (("before", run.before), ("after", run.after)):
        sprite = draw_sprite(snapshot.weights, snapshot.conducts, run.shape, neurons, largest)
        rows = class_rows(neurons, run.labels, snapshot.conducts, sprite.columns, names)
        title, note = _moment(run, key)
        panels.append(MapPanel(key, title, f"{note} {_state(snapshot)}", sprite, rows, len(neurons) > FEW))
    return panels


def _moment(run: RunContents, key: str) -> tuple[str, str]:
    if key == "after":
        return "After training", f"After all {run.result.train_images:,} training images."
    if run.before.images:
        return "Before pruning", f"After {run.before.images:,} training images, before the first pruning event."
    if run.event_images and run.event_images[0] > 1:
        return "At the start", "The random weights it started from: this run kept none from just before pruning."
    return "Before learning", "The random weights it started from."


def _state(snapshot: Snapshot) -> str:
    kept, nonzero = np.count_nonzero(snapshot.conducts), np.count_nonzero(snapshot.weights)
    size = snapshot.weights.size
    return f"{percent(kept / size)} of the synapses exist, {percent(nonzero / size)} of the weights are not 0."
