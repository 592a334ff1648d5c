"""What the energy meter adds to a Lava run: processor time per step of all of a graph's OS processes.

    python benchmarks/meter_overhead.py [--rounds 5]

Source - synapses - LIF, 5 % of the inputs spiking (10 % of the convolution's). Runs of two lengths are subtracted from
each other, so that building the graph does not count. Other work on the machine can only add to a time: of the rounds
the least counts.
"""

from __future__ import annotations

import argparse
import resource

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.conv.process import Conv
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF
from lava.proc.sparse.process import Sparse

from lavaprune.meter import EnergyMeter
from lavaprune.runtime.watchdog import run_guarded

SHORT, LONG = 100, 1100
CASES = {
    "Dense 784 x 100": ("dense", 784, 100),
    "Dense 2000 x 2000": ("dense", 2000, 2000),
    "Sparse 784 x 800, 10 %": ("sparse", 784, 800),
    "Conv 28 x 28, 8 kernels 5 x 5": ("conv", 28, 8),
}


def build(kind: str, n_in: int, n_out: int) -> LIF:
    """The neurons of a small graph."""
    random = np.random.default_rng(0)
    if kind == "conv":
        spikes = random.random((n_in, n_in, 1, 100)) < 0.1
        synapses: AbstractProcess = Conv(
            weight=random.integers(-9, 9, (n_out, 5, 5, 1)), input_shape=(n_in, n_in, 1), padding=2
        )
    else:
        spikes = random.random((n_in, 100)) < 0.05
        weights = random.integers(1, 256, (n_out, n_in))
        weights *= random.random(weights.shape) < (0.1 if kind == "sparse" else 1.0)
        synapses = (Sparse if kind == "sparse" else Dense)(weights=weights)
    lif = LIF(shape=synapses.a_out.shape, vth=3000, du=2000, dv=500)
    RingBuffer(data=spikes.astype(int)).s_out.connect(synapses.s_in)
    synapses.a_out.connect(lif.a_in)
    return lif


def children_s() -> float:
    """Processor time of all OS processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_s(case: tuple[str, int, int], n_steps: int, is_metered: bool) -> float:
    """Processor time of one run."""
    lif = build(*case)
    if is_metered:
        EnergyMeter(lif)
    before = children_s()
    run_guarded(lif, RunSteps(num_steps=n_steps), Loihi2SimCfg(select_tag="fixed_pt"))
    return children_s() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{'ms of processor time per step':32}{'without':>9}{'with':>9}{'more':>8}")
    for name, case in CASES.items():
        times = {
            (n_steps, is_metered): min(run_s(case, n_steps, is_metered) for _ in range(rounds))
            for n_steps in (SHORT, LONG)
            for is_metered in (False, True)
        }
        without, metered = (
            1e3 * (times[LONG, is_metered] - times[SHORT, is_metered]) / (LONG - SHORT) for is_metered in (False, True)
        )
        print(f"{name:32}{without:>9.3f}{metered:>9.3f}{metered / without - 1:>8.0%}", flush=True)


if __name__ == "__main__":
    main()
