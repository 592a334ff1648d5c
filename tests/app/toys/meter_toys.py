"""Small graphs for tests of the meter, and counts made by going through recorded spikes one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from lavaprune.runtime.watchdog import guarded, run_guarded

T = TypeVar("T")
TIMEOUT_S = 60.0


def raster(shape: tuple[int, ...], n_steps: int, rate: float = 0.3, seed: int = 0, payload: int = 1) -> np.ndarray:
    """Random spikes, (*shape, n_steps); payloads 1..payload, of either sign if there are several."""
    random = np.random.default_rng(seed)
    spikes = (random.random((*shape, n_steps)) < rate).astype(np.int32)
    if payload > 1:
        spikes *= random.integers(1, payload + 1, spikes.shape) * random.choice([-1, 1], spikes.shape)
    return spikes


def source(spikes: np.ndarray, port: Any) -> Source:
    """A stock source that plays `spikes` into a port."""
    process = Source(data=spikes)
    process.s_out.connect(port)
    return process


def sink(port: Any, n_steps: int) -> Sink:
    """A stock sink that records what leaves through a port."""
    process = Sink(shape=port.shape, buffer=n_steps)
    port.connect(process.a_in)
    return process


def run(process: AbstractProcess, n_steps: int, read: Callable[[], T], tag: str = "fixed_pt") -> T:
    """Run a graph in one go, read, stop."""
    config = Loihi2SimCfg(select_tag=tag)
    result = run_guarded(process, RunSteps(num_steps=n_steps), config, TIMEOUT_S, read)
    assert result is not None
    return result


def run_stepwise(process: AbstractProcess, n_steps: int, read: Callable[[], T], tag: str = "fixed_pt") -> list[T]:
    """Run a graph step by step; what `read` returns after each step."""
    results = []
    config = Loihi2SimCfg(select_tag=tag)
    with guarded(process, TIMEOUT_S):
        for _ in range(n_steps):
            process.run(condition=RunSteps(num_steps=1), run_cfg=config)
            results.append(read())
    return results


def dense_ops(weights: np.ndarray, spikes: np.ndarray) -> tuple[int, int, int]:
    """Spikes, operations and operations with zeros of (neurons, inputs) weights and (inputs, steps) spikes."""
    n_spikes = ops = stored = 0
    for t in range(spikes.shape[-1]):
        for j in range(spikes.shape[0]):
            if spikes[j, t] == 0:
                continue
            n_spikes += 1
            for i in range(weights.shape[0]):
                stored += 1
                if weights[i, j] != 0:
                    ops += 1
    return n_spikes, ops, stored


def conv_ops(
    kernel: np.ndarray,
    spikes: np.ndarray,
    output_shape: tuple[int, int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> tuple[int, int, int]:
    """The same of a convolution: every output place asks, for every weight, whether a spike lies under it."""
    size_x, size_y, n_in, n_steps = spikes.shape
    n_out, kernel_x, kernel_y, in_per_group = kernel.shape
    n_spikes = int(sum(1 for value in spikes.ravel() if value != 0))
    ops = stored = 0
    for t in range(n_steps):
        for ox, oy, k in np.ndindex(*output_shape):
            group = k // (n_out // groups)
            for i, j, c in np.ndindex(kernel_x, kernel_y, in_per_group):
                # The mirrored kernel lies with its last weight on the first place that it covers.
                x = ox * stride[0] - padding[0] + (kernel_x - 1 - i) * dilation[0]
                y = oy * stride[1] - padding[1] + (kernel_y - 1 - j) * dilation[1]
                if not (0 <= x < size_x and 0 <= y < size_y):
                    continue
                if spikes[x, y, group * in_per_group + c, t] != 0:
                    stored += 1
                    ops += int(kernel[k, i, j, c] != 0)
    assert n_in == in_per_group * groups
    return n_spikes, ops, stored
