"""Receptive fields as one small picture that the page cuts its maps from."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from lavaprune.training.readout import UNLABELLED

MAX_MAPS = 800
_LARGE_PX, _SMALL_PX = 42, 30  # of a map, about: on a desktop where few are shown, and else
FEW = 200
_LEVELS = 31
_PRUNED = _LEVELS + 1
# From nothing to ink through one hue; a dark page inverts the lightness. Alpha rises with the weight.
_LIGHT, _INK, _PRUNED_RGBA = (92, 160, 208), (7, 38, 72), (208, 130, 40, 62)


@dataclass(frozen=True)
class Cell:
    """One neuron's map: column and row in the sprite, and what is said of it."""

    column: int
    row: int
    title: str


@dataclass(frozen=True)
class ClassRow:
    """The maps of the neurons with one label."""

    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Sprite:
    """All maps in one PNG.

    Attributes
    ----------
    uri : str
        ``data:`` address of the PNG.
    columns, rows : int
        Maps in a row, and in a column.
    width_px, height_px : int
        Of a map on a wide screen.
    small_width_px, small_height_px : int
        On a narrow one.
    """

    uri: str
    columns: int
    rows: int
    width_px: int
    height_px: int
    small_width_px: int
    small_height_px: int


def shown_neurons(labels: np.ndarray, theta: np.ndarray, max_maps: int = MAX_MAPS) -> np.ndarray:
    """Neurons by label (those without one last) and falling threshold; evenly spaced ones if they are too many."""
    rank = np.where(labels == UNLABELLED, np.iinfo(np.int64).max, labels)
    order = np.lexsort((-theta.astype(np.int64), rank))
    if len(order) > max_maps:
        order = order[np.linspace(0, len(order) - 1, max_maps).round().astype(np.int64)]
    return order


def class_rows(
    neurons: np.ndarray, labels: np.ndarray, conducts: np.ndarray, columns: int, names: list[str]
) -> list[ClassRow]:
    """The maps by class, with what a pointer over one of them shows."""
    n_inputs = conducts.shape[0]
    kept = np.count_nonzero(conducts, axis=0)
    rows: list[ClassRow] = []
    last = None
    for k, neuron in enumerate(neurons.tolist()):
        label = int(labels[neuron])
        if label != last:
            rows.append(ClassRow("none" if label == UNLABELLED else names[label], []))
            last = label
        title = f"neuron {neuron}: {kept[neuron]:,} of {n_inputs:,} synapses"
        rows[-1].cells.append(Cell(k % columns, k // columns, title))
    return rows


def draw_sprite(
    weights: np.ndarray, conducts: np.ndarray, shape: tuple[int, int], neurons: np.ndarray, largest: int
) -> Sprite:
    """Draw the maps of ``neurons``.

    Parameters
    ----------
    weights, conducts : numpy.ndarray, shape (I, N), uint8
    shape : (int, int)
        Height and width of a map, H * W = I.
    neurons : numpy.ndarray of int64
    largest : int
        The weight that is drawn darkest, at least 1.
    """
    height, width = shape
    columns = math.ceil(math.sqrt(len(neurons)))
    rows = math.ceil(len(neurons) / columns)
    levels = -(-weights[:, neurons].astype(np.int64) * _LEVELS // largest)  # rounded up: no weight looks like none
    levels = np.clip(levels, 0, _LEVELS)
    levels[conducts[:, neurons] == 0] = _PRUNED
    canvas = np.zeros((rows * height, columns * width), np.uint8)
    for k in range(len(neurons)):
        top, left = (k // columns) * height, (k % columns) * width
        canvas[top : top + height, left : left + width] = levels[:, k].reshape(shape)
    large = max(1, round((_LARGE_PX if len(neurons) <= FEW else _SMALL_PX) / max(shape)))
    small = max(1, round(_SMALL_PX / max(shape)))
    return Sprite(
        uri="data:image/png;base64," + base64.b64encode(indexed_png(canvas, _palette())).decode("ascii"),
        columns=columns,
        rows=rows,
        width_px=width * large,
        height_px=height * large,
        small_width_px=width * small,
        small_height_px=height * small,
    )


def _palette() -> np.ndarray:
    """Colours (levels + 2, 4) uint8: nothing, the weights, pruned."""
    share = np.linspace(0, 1, _LEVELS + 1)[:, None] ** 0.7  # small weights can be told from none
    colours = np.array(_LIGHT) * (1 - share) + np.array(_INK) * share
    alpha = 255 * np.minimum(1, 0.08 + 1.6 * share)
    alpha[0] = 0
    return np.vstack([np.hstack([colours, alpha]), _PRUNED_RGBA]).round().astype(np.uint8)


def indexed_png(pixels: np.ndarray, palette: np.ndarray) -> bytes:
    """Return a PNG of palette indices (H, W) uint8 and colours (n, 4) uint8, red green blue alpha."""
    height, width = pixels.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), pixels])  # filter 0 before each line
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette[:, :3].tobytes()),
        (b"tRNS", palette[:, 3].tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
