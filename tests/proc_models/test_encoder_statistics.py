"""Statistics of the Poisson encoder of the fused engine, at fixed seeds: a result is the same for ever.

A step holds a spike where a Poisson process of rate r has at least one event in it: ``p = 1 - exp(-r)`` per step. The
interval table has 4096 cells, so every probability below is exact up to one cell.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lavaprune.proc_models.counter_random import STREAM_INPUT, sample_key
from lavaprune.proc_models.fused_encoder import encode
from lavaprune.proc_models.fused_engine import constants
from lavaprune.proc_models.fused_layout import ROWS
from lavaprune.proc_models.tables import interval_table
from lavaprune.processes.parameters import NetworkParameters

CELL = 1 / 4096
SIGNIFICANT = 1e-4


def spikes(image: Any, sample: int = 0, phase: int = 1, **values: Any) -> np.ndarray:
    """Spikes (T, I) of one image, after checking what `encode` says of them."""
    image = np.asarray(image, np.uint8)
    p = NetworkParameters(n_inputs=len(image), n_neurons=1, **{"steps": 350, "seed": 1, **values})
    bucket = np.full((p.steps, len(image) + ROWS), -1, np.int32)
    bucket_count = np.full(p.steps, -1, np.int64)
    active = np.full(len(image), -1, np.int32)
    train_start = np.full(len(image) + 1, -1, np.int64)
    train = np.full(p.steps * len(image), -1, np.int32)
    with np.errstate(over="ignore"):
        key = sample_key(p.seed, STREAM_INPUT, phase, sample)
        n_active, n_spikes = encode(
            image, key, constants(p), interval_table(), bucket, bucket_count, active, train_start, train
        )
    assert active[:n_active].tolist() == np.flatnonzero(image).tolist()
    raster = np.zeros((p.steps, len(image)), np.int64)
    for t in range(p.steps):
        np.add.at(raster[t], bucket[t, : bucket_count[t]], 1)
    assert raster.max(initial=0) <= 1  # an input spikes at most once in a step
    assert raster.sum() == n_spikes
    return raster


def rate_per_step(image: Any, max_rate_hz: float, total_pixels: float = 100.0, equalise: float = 0.0) -> np.ndarray:
    """Rate r of every input in events per step, in real numbers: the law that the encoder stands for."""
    image = np.asarray(image, float)
    scale = equalise * image.sum() / (255 * total_pixels) + (1 - equalise)
    return max_rate_hz / 1000 * image / 255 / scale if image.sum() else np.zeros_like(image)


def spike_probability(rate: np.ndarray | float) -> np.ndarray:
    return -np.expm1(-np.asarray(rate))


def allowed_difference(n: float, p: np.ndarray) -> np.ndarray:
    """Of a count of n trials: four standard deviations, one cell of the table, one spike."""
    return 4 * np.sqrt(n * p * (1 - p)) + n * CELL + 1


# --- rates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_rate_hz", [0.1, 1.0, 20.0, 92.0, 400.0, 1000.0])
def test_mean_rate_follows_intensity(max_rate_hz: float) -> None:
    image = np.array([0, 1, 16, 64, 128, 200, 254, 255])
    steps = 20_000
    counts = spikes(image, steps=steps, max_rate_hz=max_rate_hz, equalise=0.0).sum(axis=0)
    expected = spike_probability(rate_per_step(image, max_rate_hz))
    assert (np.abs(counts - steps * expected) <= allowed_difference(steps, expected)).all()
    assert counts[0] == 0


def test_full_pixels_at_1000_hz_spike_in_63_percent_of_the_steps() -> None:
    raster = spikes(np.full(50, 255), steps=4000, max_rate_hz=1000.0, equalise=0.0)
    assert raster.mean() == pytest.approx(1 - math.exp(-1), abs=0.005)


def test_a_lone_pixel_made_as_bright_as_a_whole_image_spikes_in_every_step() -> None:
    """100 full pixels' rate in one input: 100 events per step, so no step is without."""
    assert spikes([0, 255, 0], max_rate_hz=1000.0, total_pixels=100.0, equalise=1.0).sum(axis=0).tolist() == [0, 350, 0]
    assert spikes([0, 1, 0], max_rate_hz=1000.0, total_pixels=100.0, equalise=1.0).sum(axis=0).tolist() == [0, 350, 0]


def test_the_faintest_pixel_at_the_lowest_rate_hardly_ever_spikes() -> None:
    """0.1 Hz / 255: 0.00014 spikes in 350 steps."""
    total = sum(spikes([1] * 500, sample=sample, max_rate_hz=0.1, equalise=0.0).sum() for sample in range(10))
    p = float(spike_probability(350 * rate_per_step([1], 0.1)[0]))
    assert abs(total - 5000 * p) <= allowed_difference(5000, np.array(p))


@pytest.mark.parametrize("equalise", [0.0, 0.5, 1.0])
def test_an_empty_image_gives_no_spikes(equalise: float) -> None:
    assert spikes([0] * 64, equalise=equalise, max_rate_hz=1000.0).sum() == 0


@pytest.mark.parametrize("equalise", [0.0, 0.3, 1.0])
def test_total_rate_by_the_share_of_equalisation(equalise: float) -> None:
    """Images of 20, 100 and 400 full pixels; at share 1 all have the rate of 100, at share 0 their own."""
    n_inputs, steps, max_rate_hz = 400, 3000, 10.0
    totals = []
    for sample, n_bright in enumerate((20, 100, 400)):
        image = np.where(np.arange(n_inputs) < n_bright, 255, 0)
        total = spikes(image, sample, steps=steps, max_rate_hz=max_rate_hz, total_pixels=100.0, equalise=equalise).sum()
        p = spike_probability(rate_per_step(image, max_rate_hz, 100.0, equalise))
        expected = steps * p.sum()
        noise = 4 * math.sqrt(steps * (p * (1 - p)).sum()) + steps * n_bright * CELL * p.max()
        assert abs(total - expected) <= noise
        totals.append(float(total))
    if equalise == 1.0:  # one total rate: 1 spike per step, less where a few inputs must carry it
        assert totals == pytest.approx([3000 * 0.975, 3000 * 0.995, 3000], rel=0.07)
    if equalise == 0.0:  # in proportion
        assert totals == pytest.approx([600, 3000, 12_000], rel=0.1)


def test_brightness_does_not_matter_to_an_equalised_image() -> None:
    image = np.array([0, 2, 30, 64, 100, 126])
    bright = spikes(2 * image, equalise=1.0, total_pixels=4.0)
    assert bright.sum() > 100
    assert (spikes(image, equalise=1.0, total_pixels=4.0) == bright).all()
    assert (spikes(image, equalise=0.5, total_pixels=4.0) != bright).any()


def test_an_image_with_the_reference_sum_is_left_as_it_is() -> None:
    image = np.array([255, 255, 0, 128, 127, 255])  # four full pixels
    assert image.sum() == 4 * 255
    rasters = [spikes(image, equalise=share, total_pixels=4.0) for share in (0.0, 0.37, 1.0)]
    assert rasters[0].sum() > 0
    assert (rasters[0] == rasters[1]).all()
    assert (rasters[0] == rasters[2]).all()


# --- distribution ---------------------------------------------------------------------------------------------------


def interval_p_value(intervals: np.ndarray, p: float) -> float:
    """Chi-square of intervals against the geometric distribution; the tail, from 5 % on, is one class."""
    last = max(2, math.ceil(math.log(0.05) / math.log1p(-p)))
    observed = np.bincount(np.minimum(intervals, last), minlength=last + 1)[1:]
    share = p * (1 - p) ** np.arange(last - 1)
    expected = np.append(share, 1 - share.sum()) * len(intervals)
    assert expected.min() > 10
    return float(stats.chisquare(observed, expected).pvalue)


@pytest.mark.parametrize("max_rate_hz", [20.0, 92.0, 250.0])
def test_intervals_are_geometric(max_rate_hz: float) -> None:
    raster = spikes(np.full(8, 255), steps=int(2e6 / max_rate_hz), max_rate_hz=max_rate_hz, equalise=0.0)
    intervals = np.concatenate([np.diff(np.flatnonzero(raster[:, j])) for j in range(8)])
    assert len(intervals) > 5000
    p = float(spike_probability(max_rate_hz / 1000))
    assert interval_p_value(intervals, p) > SIGNIFICANT
    assert interval_p_value(intervals, p * 1.1) < SIGNIFICANT  # the test can fail


def test_steps_are_memoryless_from_the_first() -> None:
    """The first step is as likely as any other to have a spike: no run-in, no edge."""
    samples = 250
    counts = np.zeros(30)
    for sample in range(samples):
        counts += spikes(np.full(40, 255), sample, steps=30, max_rate_hz=92.0, equalise=0.0).sum(axis=1)
    p = float(spike_probability(0.092))
    assert np.abs(counts - samples * 40 * p).max() <= allowed_difference(samples * 40, np.array(p))
    assert stats.chisquare(counts).pvalue > SIGNIFICANT


def test_counts_vary_between_images_as_those_of_independent_steps() -> None:
    """Variance of the counts over samples and inputs: binomial, T p (1 - p)."""
    image = np.full(25, 255)
    counts = np.array([spikes(image, k, max_rate_hz=92.0, equalise=0.0).sum(axis=0) for k in range(200)])
    p = float(spike_probability(0.092))
    variance = 350 * p * (1 - p)
    spread = math.sqrt(2 / counts.size)
    assert counts.var() == pytest.approx(variance, rel=4 * spread)
    # inputs of one image, and one input over images, are uncorrelated
    assert counts.sum(axis=1).var() == pytest.approx(25 * variance, rel=4 * math.sqrt(2 / 200))
    assert counts.sum(axis=0).var() == pytest.approx(200 * variance, rel=4 * math.sqrt(2 / 25))


def test_spikes_depend_on_seed_phase_and_sample_and_on_nothing_else() -> None:
    image = np.full(10, 255)
    base = spikes(image, 3, 1, seed=5)
    assert (spikes(image, 3, 1, seed=5) == base).all()
    for sample, phase, seed in ((4, 1, 5), (3, 2, 5), (3, 1, 6)):
        assert (spikes(image, sample, phase, seed=seed) != base).any()
    # more steps only add to the end
    assert (spikes(image, 3, 1, seed=5, steps=500)[:350] == base).all()
    # an input's spikes do not depend on the other inputs where rates are not scaled
    alone = np.zeros(10, np.uint8)
    alone[4] = 255
    together = spikes(image, 3, 1, seed=5, equalise=0.0)
    assert (spikes(alone, 3, 1, seed=5, equalise=0.0)[:, 4] == together[:, 4]).all()
