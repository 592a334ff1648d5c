"""Measure how far the integration with a step of 1 ms is from a fine one; prints, keeps nothing.

Brian2 is no dependency of this project: run it as `make_brian2_trajectories.py` says (about a minute)::

    brian/bin/python tests/golden/measure_scheme_error.py

The golden data share our integration scheme; how far that scheme is off is measured here, against the same
neurons and input at dt = 0.01 ms. Euler with a step of 1 ms holds a conductance
of tau_g = 1 or 2 ms constant over the step and so overrates what it transfers by the factor ``1 / (tau_g (1 -
exp(-1/tau_g)))`` = 1.582 (excitatory) and 1.271 (inhibitory). Gains are free parameters, found by search on
this very scheme, so the fine run is also made with gains larger by these factors, which leaves the error of
the integration proper:

=============================================  ===================  ===============  =======================
fine run with                                  spikes, 1 / 0.01 ms  within one step  RMS error of neuron 0,
                                                                                     which never spikes
=============================================  ===================  ===============  =======================
equal gains                                    267 / 161            20 %             2.46 mV
corrected gains                                267 / 273            67 %             1.13 mV
corrected gains, a tenth of the inhibition     312 / 315            65 %             0.16 mV
corrected gains, no inhibition                 361 / 361            71 %             0.01 mV
=============================================  ===================  ===============  =======================

So the drive is exact but for a constant; what a step of 1 ms gets wrong is an inhibitory volley of 96 leak
conductances, which moves the membrane by its whole distance to E_inh within the step. Firing rates agree
within 3 %; single spikes drift apart because a spike is seen at the end of its step, 0.5 ms late on average,
at every spike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Network, NeuronGroup, StateMonitor, TimedArray, defaultclock, ms, prefs, start_scope
from make_brian2_trajectories import EXCITATORY, excitatory_drive, excitatory_input, run_lif


def run_fine(
    p: dict[str, float], drive_exc: np.ndarray, drive_inh: np.ndarray, theta_start_mv: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same at dt = 0.01 ms; returns v at the end of every 1 ms step (mV) and the spikes, (T, N)."""
    steps, n = drive_exc.shape
    start_scope()
    defaultclock.dt = 0.01 * ms
    space: dict[str, Any] = {
        "arriving_exc": TimedArray(drive_exc, dt=1 * ms),
        "arriving_inh": TimedArray(drive_inh, dt=1 * ms),
        "tau_ge": p["tau_ge_ms"] * ms,
        "tau_gi": p["tau_gi_ms"] * ms,
        "tau_m": p["tau_m_ms"] * ms,
        "v_rest": p["v_rest_mv"],
        "v_th": p["v_th_mv"],
        "e_exc": p["e_exc_mv"],
        "e_inh": p["e_inh_mv"],
        "theta_plus": p["theta_plus_mv"],
    }
    group = NeuronGroup(
        n,
        """dv/dt = ((v_rest - v) + g_exc*(e_exc - v) + g_inh*(e_inh - v)) / tau_m : 1 (unless refractory)
        dg_exc/dt = -g_exc/tau_ge : 1
        dg_inh/dt = -g_inh/tau_gi : 1
        theta : 1""",
        method="rk2",
        threshold="v > v_th + theta",
        reset="v = v_rest\ntheta += theta_plus",
        refractory=p["refractory_steps"] * ms,
        namespace=space,
    )
    group.v = p["v_rest_mv"]
    group.theta = theta_start_mv
    deliver = group.run_regularly("g_exc += arriving_exc(t, i)\ng_inh += arriving_inh(t, i)", dt=1 * ms, when="start")
    state = StateMonitor(group, ["v", "lastspike"], record=True, dt=1 * ms, when="start", order=-1)
    network = Network(group, deliver, state)
    network.run((steps + 1) * ms)
    last = np.array(state.lastspike / ms).T
    start = np.arange(steps)[:, None]
    within = (last[1:] >= start - 1e-6) & (last[1:] < start + 1 - 1e-6)
    return np.array(state.v).T[1:], within.astype(np.uint8)


def spike_agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of the spikes of both that have a partner within one step; arrays (T, N)."""
    matched = total = 0
    for i in range(ours.shape[1]):
        a, b = np.flatnonzero(ours[:, i]), np.flatnonzero(theirs[:, i])
        for one, other in ((a, b), (b, a)):
            total += len(one)
            if len(other):
                matched += int((np.abs(one[:, None] - other[None, :]).min(axis=1) <= 1).sum())
    return matched / total if total else 1.0


def main() -> None:
    """Print how far the 1 ms scheme is from a fine integration of the same equations."""
    prefs.codegen.target = "numpy"
    data = excitatory_input()
    exc, inh = excitatory_drive(data, EXCITATORY)
    start = data["theta_start_mv"]
    tau_exc, tau_inh = EXCITATORY["tau_ge_ms"], EXCITATORY["tau_gi_ms"]
    factor_exc, factor_inh = tau_exc * (1 - np.exp(-1 / tau_exc)), tau_inh * (1 - np.exp(-1 / tau_inh))
    for label, by_exc, by_inh, share_inh in (
        ("equal gains", 1.0, 1.0, 1.0),
        ("corrected gains", factor_exc, factor_inh, 1.0),
        ("corrected gains, a tenth of the inhibition", factor_exc, factor_inh, 0.1),
        ("corrected gains, no inhibition", factor_exc, factor_inh, 0.0),
    ):
        coarse = run_lif(EXCITATORY, exc, inh * share_inh, start)
        v, spikes = run_fine(EXCITATORY, exc / by_exc, inh * share_inh / by_inh, start)
        error = v - coarse["v_mv"]
        print(
            f"{label}: spikes {coarse['spikes'].sum()} (1 ms), {spikes.sum()} (0.01 ms); "
            f"within one step {spike_agreement(coarse['spikes'], spikes):.3f}; "
            f"membrane RMS {np.sqrt((error**2).mean()):.2f} mV, of the neuron without spikes "
            f"{np.sqrt((error[:, 0] ** 2).mean()):.2f} mV"
        )


if __name__ == "__main__":
    main()
