"""Our copy of the stock arithmetic against the methods of Lava's own models."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from lava.proc.lif.models import AbstractPyLifModelFixed

from lavaprune.proc_models.stock_arithmetic import (
    ALIGN_BITS,
    DECAY_MAX,
    DECAY_UNITY,
    STATE_LIMIT,
    shift,
    step_current,
    step_voltage,
)

states = st.integers(-STATE_LIMIT + 1, STATE_LIMIT - 1)
decays = st.integers(0, DECAY_MAX)
activations = st.integers(-(1 << 17), 1 << 17)


def lava_step(u: int, v: int, activation: int, bias: int, du: int, dv: int) -> tuple[int, int]:
    """Current and voltage after the subthreshold dynamics of Lava's bit-accurate LIF."""
    model = SimpleNamespace(
        u=np.array([u], np.int32),
        v=np.array([v], np.int32),
        du=du,
        dv=dv,
        effective_bias=np.array([bias], np.int32),
        ds_offset=1,
        dm_offset=0,
        decay_unity=DECAY_UNITY,
        decay_shift=12,
        act_shift=ALIGN_BITS,
        max_uv_val=STATE_LIMIT,
    )
    AbstractPyLifModelFixed.subthr_dynamics(model, np.array([activation], np.int32))
    return int(model.u[0]), int(model.v[0])


@given(u=states, v=states, activation=activations, bias=st.integers(-(1 << 19), 1 << 19), du=decays, dv=decays)
def test_a_step_is_lavas(u: int, v: int, activation: int, bias: int, du: int, dv: int) -> None:
    current = step_current(np.array([u], np.int64), np.array([activation], np.int64), du)
    voltage = step_voltage(np.array([v], np.int64), current, bias, dv)
    assert (int(current[0]), int(voltage[0])) == lava_step(u, v, activation, bias, du, dv)


def test_current_wraps_and_voltage_is_clipped() -> None:
    # 0 + 131073 * 64 = 2^23 + 64 leaves the range upwards and comes back from below
    assert step_current(0, (1 << 17) + 1, DECAY_MAX) == -STATE_LIMIT + 64
    assert step_current(0, 1 << 17, DECAY_MAX) == STATE_LIMIT  # the limit itself stays
    assert step_current(0, -(1 << 17), DECAY_MAX) == STATE_LIMIT  # downwards it does not
    assert step_voltage(STATE_LIMIT - 1, 5, 0, 0) == STATE_LIMIT - 1
    assert step_voltage(-STATE_LIMIT + 1, -5, 0, 0) == -STATE_LIMIT + 1


def test_decay_truncates_the_magnitude() -> None:
    # 3 * 2048 / 4096 = 1.5 becomes 1, on both sides
    assert [step_current(u, 0, 2047) for u in (3, -3)] == [1, -1]
    assert [step_voltage(v, 0, 0, 2048) for v in (3, -3)] == [1, -1]


def test_exponents_round_down() -> None:
    assert [shift(5, 2), shift(5, -1), shift(-5, -1)] == [20, 2, -3]
