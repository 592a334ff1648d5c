"""The charts of a report: how the network developed, from ``metrics.jsonl``, and where its synapses are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lavaprune.report.charts import (
    Chart,
    Points,
    Scale,
    Shape,
    Tick,
    band_path,
    dots,
    line_path,
    nice_ticks,
    sorted_bars,
    thinned,
    x_scale,
    y_scale,
)
from lavaprune.report.contents import RunContents, number, numbers

QUANTILES = 5  # lowest, lower quartile, median, upper quartile, highest
MAX_ROWS = 100  # of the table
_FAR = 3.0  # times the upper quartile: beyond it, the highest are cut off
_OLD = "This run noted no quantiles over its neurons: it is older than they are."

Form = Callable[[float], str]


def percent(value: float) -> str:
    """For example 85.3 %, with a blank that does not break."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def count(value: float) -> str:
    """4,500."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Four digits that count, with thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def history_charts(run: RunContents) -> list[Chart]:
    """Accuracy, connectivity, spikes and thresholds over the training images, connectivity per neuron."""
    charts = []
    if run.metrics:
        charts = [_accuracy(run), _connectivity(run), _spikes(run), _spikes_per_neuron(run), _thresholds(run)]
    return [*(chart for chart in charts if chart is not None), _per_neuron(run)]


def metrics_table(run: RunContents) -> list[list[str]]:
    """Rows of text: image, accuracy, connectivity, non-zero weights, spikes per image, mean theta in mV."""
    columns: list[tuple[str, Form]] = [
        ("accuracy_estimate", percent),
        ("connectivity", percent),
        ("nonzero_weights", percent),
        ("spikes_per_image", short),
        ("theta_mean_mv", short),
    ]
    rows = []
    for line in (run.metrics[i] for i in thinned(len(run.metrics), MAX_ROWS)):
        values = [(number(line, key), form) for key, form in columns]
        rows.append([count(line["sample"]), *("–" if v is None else form(v) for v, form in values)])
    return rows


def _accuracy(run: RunContents) -> Chart | None:
    points = _points(run, "accuracy_estimate")
    if not points:
        return None
    story = _story("Accuracy estimate", points, percent)
    chart, x, y = _over_images(run, "accuracy", "Accuracy while it learns", story)
    chart.shapes = [Shape(line_path(points, x, y), "line c1")]
    chart.dots = dots(points, [f"image {count(a)}: {percent(b)}" for a, b in points], x, y)
    chart.note = "An estimate on the training images of each interval, labelled by the interval before."
    return chart


def _connectivity(run: RunContents) -> Chart | None:
    points, nonzero = _points(run, "connectivity"), _points(run, "nonzero_weights")
    if not points:
        return None
    chart, x, y = _over_images(run, "connectivity", "Connectivity", _story("Connectivity", points, percent))
    chart.shapes = [
        Shape(line_path(nonzero, x, y), "line c2 thin", "weights that are not 0"),
        Shape(line_path(_with_steps(points, run.event_images), x, y), "line c1", "synapses that exist"),
    ]
    chart.dots = dots(points, [f"image {count(a)}: {percent(b)} of the synapses" for a, b in points], x, y)
    return chart


def _spikes(run: RunContents) -> Chart | None:
    points, active = _points(run, "spikes_per_image"), _points(run, "active_neurons")
    if not points:
        return None
    high = max(b for _, b in points)
    story = _story("Spikes per image of all neurons", points, short)
    chart, x, y = _over_images(run, "spikes", "Spikes per image, all neurons", story, high, short)
    chart.shapes = [Shape(line_path(points, x, y), "line c1")]
    chart.dots = dots(points, [f"image {count(a)}: {short(b)} spikes per image" for a, b in points], x, y)
    if active:
        chart.note = f"In the last interval {active[-1][1]:,.0f} of {run.settings.neurons:,} neurons fired."
    return chart


def _spikes_per_neuron(run: RunContents) -> Chart | None:
    return _quantiles(run, "neuronspikes", "Spikes per image and neuron", "spikes_quantiles", "spikes per image")


def _thresholds(run: RunContents) -> Chart | None:
    title = "Thresholds: adaptation θ, mV"
    chart = _quantiles(run, "theta", title, "theta_quantiles_mv", "mV")
    if chart is not None:
        return chart
    mean, largest = _points(run, "theta_mean_mv"), _points(run, "theta_max_mv")
    if not mean or not largest:
        return None
    story = _story("Mean threshold adaptation in mV", mean, short)
    chart, x, y = _over_images(run, "theta", title, story, max(b for _, b in largest), short)
    chart.shapes = [
        Shape(line_path(largest, x, y), "line c2 thin", "highest"),
        Shape(line_path(mean, x, y), "line c1", "mean"),
    ]
    chart.dots = dots(mean, [f"image {count(a)}: mean {short(b)} mV" for a, b in mean], x, y)
    chart.note = _OLD
    return chart


def _quantiles(run: RunContents, key: str, title: str, name: str, unit: str) -> Chart | None:
    lines = [(float(line["sample"]), numbers(line, name, QUANTILES)) for line in run.metrics]
    known = [(sample, values) for sample, values in lines if values is not None]
    if not known:
        return None
    curves = [[(sample, values[q]) for sample, values in known] for q in range(QUANTILES)]
    story = _story(f"Median over the neurons, {unit}", curves[2], short)
    highest = max(b for _, b in curves[4])
    middle = max(b for _, b in curves[3])
    ceiling = _FAR * middle if highest > _FAR * middle > 0 else highest  # a few outliers would flatten the rest
    chart, x, y = _over_images(run, key, title, story, ceiling, short)
    if ceiling < highest:
        curves[4] = [(sample, min(value, y.high)) for sample, value in curves[4]]
        chart.note = f"The highest leave the picture: up to {short(highest)} {unit}."
    chart.shapes = [
        Shape(band_path(curves[0], curves[4], x, y), "band c1 faint", "lowest to highest"),
        Shape(band_path(curves[1], curves[3], x, y), "band c1", "middle half"),
        Shape(line_path(curves[2], x, y), "line c1", "median"),
    ]
    texts = [
        f"image {count(a)}: median {short(v[2])}, middle half {short(v[1])} to {short(v[3])}, "
        f"all {short(v[0])} to {short(v[4])} {unit}"
        for a, v in known
    ]
    chart.dots = dots(curves[2], texts, x, y)
    return chart


def _per_neuron(run: RunContents) -> Chart:
    n_inputs, n_neurons = run.after.conducts.shape
    kept = np.count_nonzero(run.after.conducts, axis=0)
    shares = kept / n_inputs
    low, middle, high = np.quantile(shares, (0.0, 0.5, 1.0)).tolist()
    top = 1.0 if high > 0.5 else 1.1 * high
    x, y = x_scale(0, max(1, n_neurons)), y_scale(0, top)
    texts = [f"neuron {i}: {percent(s)}, {k:,} synapses" for i, (k, s) in enumerate(zip(kept, shares, strict=True))]
    bars, area = sorted_bars(shares, texts, x, y)
    silent = int(np.count_nonzero(kept == 0))
    story = f"From {percent(low)} to {percent(high)} of the inputs, median {percent(middle)}."
    return Chart(
        key="perneuron",
        title="Connectivity of each neuron",
        description=f"{story} {n_neurons:,} neurons.",
        x_ticks=_ticks(x, nice_ticks(0, n_neurons), count),
        y_ticks=_share_ticks(y) if top == 1 else _ticks(y, nice_ticks(0, y.high), lambda v: f"{100 * v:.3g} %"),
        x_title="neurons, the least connected first",
        note=f"{story} {silent:,} of {n_neurons:,} neurons without any synapse.",
        shapes=[Shape(area, "area c1")] if area else [],
        bars=bars,
    )


def _over_images(
    run: RunContents, key: str, title: str, description: str, high: float | None = None, form: Form = percent
) -> tuple[Chart, Scale, Scale]:
    """An empty chart over the training images; from 0 to 100 % unless a highest value is given."""
    x = x_scale(0, run.result.train_images)
    y = y_scale(0, 1) if high is None else y_scale(0, 1.06 * high)
    chart = Chart(
        key=key,
        title=title,
        description=description,
        x_ticks=_ticks(x, nice_ticks(0, run.result.train_images), count),
        y_ticks=_share_ticks(y) if high is None else _ticks(y, nice_ticks(y.low, y.high), form),
    )
    events = run.event_images
    chart.events = [x(events[i]) for i in thinned(len(events), MAX_ROWS)]
    if events:
        chart.description += f" The network was pruned {len(events):,} times, first after image {count(events[0])}."
    return chart, x, y


def _share_ticks(y: Scale) -> list[Tick]:
    return [Tick(y(value), f"{100 * value:.0f} %") for value in (0, 0.25, 0.5, 0.75, 1.0)]


def _ticks(scale: Scale, values: Sequence[float], form: Form) -> list[Tick]:
    return [Tick(scale(value), form(value)) for value in values]


def _points(run: RunContents, key: str) -> Points:
    found = [(float(line["sample"]), number(line, key)) for line in run.metrics]
    return [(sample, max(0.0, value)) for sample, value in found if value is not None]


def _with_steps(points: Points, events: Sequence[int]) -> Points:
    """Connectivity as it really fell: all at once where one event lies between two lines of metrics; whole at first."""
    found = [(0.0, 1.0)]
    for place, value in points:
        inside = [event for event in events if found[-1][0] < event <= place]
        if len(inside) == 1:
            found += [(float(inside[0]), found[-1][1]), (float(inside[0]), value)]
        found.append((place, value))
    return found


def _story(what: str, points: Points, form: Form) -> str:
    (first, start), (last, end) = points[0], points[-1]
    best, high = max(points, key=lambda point: point[1])
    return (
        f"{what}: {form(start)} at image {count(first)}, {form(end)} at image {count(last)}; "
        f"highest {form(high)} at image {count(best)}."
    )
