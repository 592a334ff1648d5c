"""The charts of a deep run's report: how it developed over the epochs, and its layers' weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lavaprune.report.charts import (
    Chart,
    Points,
    Scale,
    Shape,
    Tick,
    dots,
    line_path,
    nice_ticks,
    thinned,
    x_scale,
    y_scale,
)
from lavaprune.report.contents import number
from lavaprune.report.deep_contents import DeepContents, LayerWeights
from lavaprune.report.history import MAX_ROWS, Form, count, percent, short

_BINS = 48  # of a histogram
_LINE = "line part k{}"

Lines = list[tuple[str, str, Points]]  # style, name, points


def deep_history_charts(run: DeepContents) -> list[Chart]:
    """Accuracy, connectivity, pruned and regrown synapses, pruning rates and operations over the epochs."""
    found = [_accuracy(run), _connectivity(run), _changes(run), _rates(run), _operations(run)]
    return [chart for chart in found if chart is not None]


def weight_charts(run: DeepContents) -> list[Chart]:
    """A histogram of each layer's weights, before training and after."""
    return [_histogram(layer, k) for k, layer in enumerate(run.weights)]


def deep_metrics_table(run: DeepContents) -> list[list[str]]:
    """Rows of text: epoch, accuracy, connectivity, pruned, regrown, SOPs per image, loss."""
    rows = []
    for line in (run.metrics[i] for i in thinned(len(run.metrics), MAX_ROWS)):
        values: list[tuple[float | None, Form]] = [
            (number(line, "accuracy"), percent),
            (number(line, "connectivity"), percent),
            (_total(line, "pruned", run.layers), count),
            (_total(line, "regrown", run.layers), count),
            (number(line, "sops_per_image"), count),
            (number(line, "loss"), short),
        ]
        rows.append([count(_epoch(run, line)), *("–" if v is None else form(v) for v, form in values)])
    return rows


def _accuracy(run: DeepContents) -> Chart | None:
    probe = _points(run, lambda line: number(line, "accuracy"))
    training = _points(run, lambda line: number(line, "training_accuracy"))
    where = "validation images" if run.result.validation_images else "the first training images"
    lines: Lines = [("line c2 thin", "training images, during the epoch", training), ("line c1", where, probe)]
    return _chart(run, "accuracy", "Accuracy while it learns", lines, percent, high=1.0)


def _connectivity(run: DeepContents) -> Chart | None:
    prunable = [name for name in run.layers if _changes_ever(run, name)]
    lines: Lines = [
        (_LINE.format(k + 1), name, _points(run, lambda line, name=name: _inner(line, "connectivity_per_layer", name)))  # type: ignore[misc]
        for k, name in enumerate(prunable)
    ]
    lines.append(("line part k7 thin", "all layers", _points(run, lambda line: number(line, "connectivity"))))
    return _chart(run, "connectivity", "Connectivity", lines, percent, high=1.0)


def _changes(run: DeepContents) -> Chart | None:
    pruned = _points(run, lambda line: _total(line, "pruned", run.layers))
    regrown = _points(run, lambda line: _total(line, "regrown", run.layers))
    if not any(value for _, value in (*pruned, *regrown)):
        return None
    lines: Lines = [("line c2", "pruned", pruned), ("line c1", "regrown", regrown)]
    return _chart(run, "changes", "Synapses pruned and regrown at the end of an epoch", lines, short)


def _rates(run: DeepContents) -> Chart | None:
    lines: Lines = []
    for name in run.layers:
        points = _points(run, lambda line, name=name: _inner(line, "rates", name))  # type: ignore[misc]
        if points:
            lines.append((_LINE.format(len(lines) + 1), name, points))
    return _chart(run, "rates", "Share of units that pruning takes", lines, percent) if lines else None


def _operations(run: DeepContents) -> Chart | None:
    points = _points(run, lambda line: number(line, "sops_per_image"))
    return _chart(run, "sops", "Synaptic operations per image", [("line c1", "", points)], short)


def _chart(
    run: DeepContents, key: str, title: str, lines: Lines, form: Form, high: float | None = None
) -> Chart | None:
    """Lines over the epochs; the last one answers to a pointer. None where there is nothing to draw."""
    lines = [line for line in lines if line[2]]
    if not lines:
        return None
    epochs = run.result.epochs
    top = high or 1.06 * max(value for _, _, points in lines for _, value in points)
    x, y = x_scale(0, epochs), y_scale(0, top)
    stories = [f"{name or title}: {form(p[0][1])} after epoch {count(p[0][0])}, {form(p[-1][1])} after epoch "
               f"{count(p[-1][0])}" for _, name, p in lines]  # fmt: skip
    main = lines[-1]
    return Chart(
        key=key,
        title=title,
        description="; ".join(stories) + ".",
        x_ticks=[Tick(x(v), count(v)) for v in nice_ticks(0, epochs) if v == int(v)],
        y_ticks=_share_ticks(y) if high else [Tick(y(v), form(v)) for v in nice_ticks(0, y.high)],
        x_title="epochs",
        shapes=[Shape(line_path(points, x, y), style, name) for style, name, points in lines],
        dots=dots(main[2], [f"epoch {count(a)}: {main[1]} {form(b)}" for a, b in main[2]], x, y),
    )


def _histogram(layer: LayerWeights, place: int) -> Chart:
    widest = max((float(np.abs(part).max(initial=0)) for part in (layer.before, layer.after)), default=0.0) or 1.0
    edges = np.linspace(-widest, widest, _BINS + 1)
    before, after = (np.histogram(part, edges)[0] for part in (layer.before, layer.after))
    x, y = x_scale(-widest, widest), y_scale(0, 1.06 * max(1, int(before.max()), int(after.max())))
    kept, total = len(layer.after), len(layer.before)
    zero = int(np.count_nonzero(layer.after == 0))
    story = f"{kept:,} of {total:,} weights are left" + (f", {zero:,} of them exactly 0." if zero else ".")
    return Chart(
        key=f"weights{place}",
        title=layer.name,
        description=story,
        x_ticks=[Tick(x(v), f"{v:.2g}") for v in nice_ticks(-widest, widest)],
        y_ticks=[Tick(y(v), short(v)) for v in nice_ticks(0, y.high)],
        x_title="weight (threshold 0.5)",
        note=story,
        shapes=[
            Shape(_steps(edges, before, x, y, closed=True), "band c1", "at the start"),
            Shape(_steps(edges, after, x, y, closed=False), "line c2", "left after training"),
        ],
    )


def _steps(edges: np.ndarray, counts: np.ndarray, x: Scale, y: Scale, *, closed: bool) -> str:
    """The outline of a histogram."""
    floor = y(0)
    path = f"M{x(float(edges[0])):g} {floor:g}"
    for right, value in zip(edges[1:].tolist(), counts.tolist(), strict=True):
        path += f"V{y(value):g}H{x(right):g}"
    return f"{path}V{floor:g}" + ("Z" if closed else "")


def _points(run: DeepContents, of: Callable[[Mapping[str, Any]], float | None]) -> Points:
    found = [(_epoch(run, line), of(line)) for line in run.metrics]
    return [(epoch, max(0.0, value)) for epoch, value in found if value is not None]


def _epoch(run: DeepContents, line: Mapping[str, Any]) -> float:
    """Epochs done, from the number of images."""
    return float(line["sample"]) / run.result.train_images


def _inner(line: Mapping[str, Any], key: str, name: str) -> float | None:
    values = line.get(key)
    return number(values, name) if isinstance(values, dict) else None


def _total(line: Mapping[str, Any], key: str, layers: list[str]) -> float | None:
    found = [value for name in layers if (value := _inner(line, key, name)) is not None]
    return sum(found) if found else None


def _changes_ever(run: DeepContents, name: str) -> bool:
    shares = (_inner(line, "connectivity_per_layer", name) for line in run.metrics)
    return any(share is not None and share < 1.0 for share in shares)


def _share_ticks(y: Scale) -> list[Tick]:
    return [Tick(y(value), f"{100 * value:.0f} %") for value in (0, 0.25, 0.5, 0.75, 1.0)]
