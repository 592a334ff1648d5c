"""The page: what is on it, and how it is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from lavaprune.errors import InputError
from lavaprune.files import write_text
from lavaprune.plots.run_pictures import CLASS_NAMES
from lavaprune.report.contents import RunContents, Snapshot, read_contents
from lavaprune.report.costs import energy_page, sops_table
from lavaprune.report.history import count, history_charts, metrics_table, percent
from lavaprune.report.maps import FEW, ClassRow, Sprite, class_rows, draw_sprite, shown_neurons
from lavaprune.report.provenance import rerun_command, setting_sections
from lavaprune.training.readout import UNLABELLED

REPORT = "report.html"
_TEMPLATES = Path(__file__).resolve().parent / "templates"
_SUFFIXES = (".html", ".htm")
_MISTAKES = 8  # that are listed
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
    run = read_contents(folder)
    page = render(run, folder)
    try:
        write_text(path, page)
    except OSError as error:
        raise InputError(f"report file {path}: cannot be written ({error.strerror or error})") from None
    return {
        "report": str(path),
        "bytes": len(page.encode("utf-8")),
        "accuracy": run.result.accuracy,
        "connectivity": run.result.connectivity,
        "training_sops_per_image": run.result.sops.training_per_image,
        "inference_sops_per_image": run.result.sops.inference_per_image,
    }


def render(run: RunContents, folder: Path) -> str:
    """Return the page: the same run gives the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"percent": percent, "count": count}
    names = class_names(run)
    return environment.get_template("report.html").render(
        run=run,
        settings=run.settings,
        result=run.result,
        settings_sha256=run.settings.sha256(),
        title=_title(run),
        accuracy_error=math.sqrt(run.result.accuracy * (1 - run.result.accuracy) / run.result.test_images),
        panels=_panels(run, names),
        n_shown=len(shown_neurons(run.labels, run.theta)),
        charts=history_charts(run),
        metrics_rows=metrics_table(run),
        images_name="validation" if run.result.validation_images else "test",
        longest_name=max(map(len, names)),
        confusion=_confusion(run, names),
        mistakes=_mistakes(run, names),
        unlabelled=int(np.count_nonzero(run.labels == UNLABELLED)),
        sops=sops_table(run.result),
        energy=energy_page(folder),
        sections=setting_sections(run.settings),
        command=rerun_command(run.settings),
    )


def class_names(run: RunContents) -> list[str]:
    """What the classes are called: the data set's names, or their numbers."""
    n_classes = len(run.result.confusion)
    known = CLASS_NAMES.get(run.settings.dataset, ())
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


def _confusion(run: RunContents, names: list[str]) -> list[dict[str, Any]]:
    """Rows by true class: name, counts with the strength of their tint, and the share that is right."""
    rows = []
    for label, (name, counts) in enumerate(zip(names, run.confusion.tolist(), strict=True)):
        total = max(1, sum(counts))
        rows.append(
            {
                "name": name,
                "cells": [(n, _tint(n / total, answer == label), answer == label) for answer, n in enumerate(counts)],
                "right": f"{100 * counts[label] / total:.0f}\N{NO-BREAK SPACE}%" if sum(counts) else "–",
            }
        )
    return rows


def _tint(share: float, is_right: bool) -> float:
    """How strongly a share of a row is tinted, 0..1: mistakes by the root, since they are few."""
    return round(share if is_right else math.sqrt(share), 3)


def _mistakes(run: RunContents, names: list[str]) -> list[dict[str, Any]]:
    """The pairs of classes that most images are confused between, with their share of the true class."""
    wrong = run.confusion.copy()
    np.fill_diagonal(wrong, 0)
    n_classes = len(wrong)
    found = []
    for place in np.argsort(-wrong, axis=None, kind="stable")[:_MISTAKES].tolist():
        true, answer = divmod(place, n_classes)
        images, total = int(wrong[true, answer]), int(run.confusion[true].sum())
        if images:
            share = round(images / total, 4)
            found.append({"true": names[true], "answer": names[answer], "images": images, "of": total, "share": share})
    return found
