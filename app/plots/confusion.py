"""Which classes a network takes for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lavaprune.plots.style import INK, WEIGHTS, new_figure, styled

_MAX_WRITTEN = 20  # classes up to which counts are written into the cells


@styled
def confusion_figure(confusion: npt.ArrayLike, class_names: Sequence[str] | None = None) -> Figure:
    """Draw a confusion matrix: shade is the share of the row, the number counts images.

    Parameters
    ----------
    confusion : integers, shape (C, C)
        Images by true class (row) and answer (column).
    class_names : sequence of str, optional
        C names; the numbers unless given.

    Raises
    ------
    ValueError
        If the matrix is not square, has a negative count, or there is another number of names.
    """
    n_classes = len(np.asarray(confusion))
    side = 1.6 + 0.36 * min(n_classes, _MAX_WRITTEN)
    figure = new_figure(side + 0.1, side)
    draw_confusion(figure.add_subplot(), confusion, class_names)
    return figure


def draw_confusion(axes: Axes, confusion: npt.ArrayLike, class_names: Sequence[str] | None = None) -> None:
    """Draw into ``axes``; parameters and errors as of `confusion_figure`."""
    counts = np.asarray(confusion)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"confusion matrix: shape is {counts.shape}; allowed: (classes, classes)")
    if counts.min() < 0:
        raise ValueError(f"confusion matrix: a count is {counts.min()}; allowed: at least 0")
    n_classes = len(counts)
    names = [str(label) for label in range(n_classes)] if class_names is None else list(class_names)
    if len(names) != n_classes:
        raise ValueError(f"confusion matrix: {len(names)} class names for {n_classes} classes; allowed: one each")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=WEIGHTS, vmin=0, vmax=1)
    if n_classes <= _MAX_WRITTEN:
        for (true, answer), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[true, answer] > 0.45 else INK
                weight = "bold" if true == answer else "normal"
                axes.text(
                    answer, true, f"{count}", ha="center", va="center", fontsize=6.5, color=color, fontweight=weight
                )
        # White lines between the cells.
        axes.set_xticks(np.arange(1, n_classes) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, n_classes) - 0.5, minor=True)
        axes.grid(True, which="minor", color="white", linewidth=1.2)
        axes.tick_params(which="minor", length=0)
    every = -(-n_classes // _MAX_WRITTEN)
    ticks, names = range(0, n_classes, every), names[::every]
    is_long = max(map(len, names)) > 3
    axes.set_xticks(ticks, names, rotation=45 if is_long else 0, ha="right" if is_long else "center")
    axes.set_yticks(ticks, names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    total = int(counts.sum())
    axes.set(xlabel="answer", ylabel="true class")
    axes.set_title(f"{np.trace(counts) / max(1, total):.1%} of {total:,} test images right")
