"""The network of `lavaprune train` in Brian2 2.9, C++ standalone mode, one thread: milliseconds per training image.

Brian2 is no dependency of this project. Run this script from an environment of its own (a C++ compiler is
needed)::

    uv venv -p 3.10 brian && VIRTUAL_ENV=brian uv pip install brian2==2.9.0 "numpy<2" setuptools
    brian/bin/python benchmarks/brian2/brian2_standalone.py --data-dir DIR --neurons 100

`compare.py` runs it beside `lavaprune train` with the parameters of a preset.

What it simulates
-----------------
Inputs, N excitatory neurons with conductances, adaptive threshold and refractory period, N inhibitory neurons
one-to-one and laterally back, triplet STDP, and once per image: reset of the state, decay of theta, scaling
of every neuron's weights to ``column_sum``. Rates are those of the preset: every image has the same total
input where ``equalise`` is 1. The scheme is that of lavaprune (dt = 1 ms, exact decay of conductances and
traces, Euler for the membrane, clamped).

Two styles
----------
``documentation``: as Brian2's manual writes such networks: a random number per input and step, traces of STDP
as event-driven equations of the synapses. ``tuned``: as fast as we could make it. Inputs draw their
intervals, so that a step only compares; traces are those of the neurons, which is the same because every own
spike sets them to 1 - so no exponential per synapse and event. Both: double precision (single took 1.40 and
7.9 ms), -O3 -ffast-math -march=native, decays without exponentials, per-image updates of synapses and neurons
by ``run_regularly`` (a summed variable is evaluated at every step: 14 ms), lateral inhibition by N (N - 1)
synapses (a few hundred spikes per image at most).

ms per image on one core of a shared AMD EPYC, 3,090 / 2,890 input spikes per image:

==================================================  ======  ======
style                                               N=100   N=800
==================================================  ======  ======
documentation                                       5.4     35
tuned, but with a random number per input and step  2.0
tuned                                               1.3     7.5
==================================================  ======  ======
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

b2: Any = None  # the module brian2, imported only to build: --run-only does not need it

# lavaprune's own defaults, for use without `compare.py`; see `NetworkParameters` for their meaning
PARAMETERS: dict[str, Any] = {
    "steps": 350,
    "tau_m_ms": 100.0,
    "tau_ge_ms": 1.0,
    "tau_gi_ms": 2.0,
    "v_rest_mv": -60.0,
    "v_th_mv": -50.0,
    "e_exc_mv": 0.0,
    "e_inh_mv": -100.0,
    "refractory_steps": 4,
    "gain_exc": 1.55,
    "gain_inh": 96.0,
    "inhibition": "interneurons",
    "inh_tau_m_ms": 10.0,
    "inh_v_th_mv": -40.0,
    "inh_refractory_steps": 2,
    "inh_gain_exc": 10.4,
    "tau_x_ms": 18.7,
    "tau_y1_ms": 10.1,
    "tau_y2_ms": 60.0,
    "mu_pre": 5e-5,
    "mu_post": 0.021,
    "theta_init_mv": 6.8,
    "theta_plus_mv": 0.033,
    "tau_theta_ms": 7.8e6,
    "column_sum": 38.6,
    "init_weight_max": 0.3,
    "max_rate_hz": 92.0,
    "total_pixels": 100.0,
    "equalise": 1.0,
}
COMPILER_FLAGS = ["-w", "-O3", "-ffast-math", "-fno-finite-math-only", "-march=native", "-std=c++11"]
PIXELS = 784
STYLES = ("documentation", "tuned")
NEVER_STEPS = 1e9


def read_images(data_dir: Path, n: int) -> np.ndarray:
    """The first ``n`` MNIST training images, (n, 784) uint8, from ``<data_dir>/MNIST/raw``."""
    path = data_dir / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    with gzip.open(path) as file:
        header = file.read(16)
        if header[:4] != b"\x00\x00\x08\x03":
            raise SystemExit(f"{path}: not an IDX file of images")
        pixels = file.read(n * PIXELS)
    if len(pixels) < n * PIXELS:
        raise SystemExit(f"{path}: has fewer than {n} images")
    return np.frombuffer(pixels, np.uint8).reshape(n, PIXELS)


def mean_intervals(images: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    """Mean interval between the spikes of each pixel in steps, (n, 784); very large where the pixel is 0."""
    totals = images.sum(axis=1, keepdims=True, dtype=float)
    shared = p["equalise"] * totals + (1 - p["equalise"]) * p["total_pixels"] * 255
    rate_per_step = images * (p["total_pixels"] / np.maximum(shared, 1)) * p["max_rate_hz"] / 1000
    return np.where(images > 0, 1 / np.maximum(rate_per_step, 1e-12), NEVER_STEPS)


def namespace(p: dict[str, Any], images: np.ndarray) -> dict[str, Any]:
    """Constants of the equations; ``keep_*`` are the factors by which a quantity decays in a step."""
    ms = b2.ms
    return {
        **{f"keep_{name}": float(np.exp(-1 / p[f"tau_{name}_ms"])) for name in ("x", "y1", "y2", "ge", "gi")},
        **{f"tau_{name}": p[f"tau_{name}_ms"] * ms for name in ("x", "y1", "y2")},
        **{name: p[name] for name in ("mu_pre", "mu_post", "column_sum", "gain_exc", "gain_inh", "inh_gain_exc")},
        "leak": 1 / p["tau_m_ms"],
        "inh_leak": 1 / p["inh_tau_m_ms"],
        "v_rest": p["v_rest_mv"],
        "v_th": p["v_th_mv"],
        "e_exc": p["e_exc_mv"],
        "e_inh": p["e_inh_mv"],
        "inh_v_th": p["inh_v_th_mv"],
        "theta_plus": p["theta_plus_mv"],
        "keep_theta": float(np.exp(-p["steps"] / p["tau_theta_ms"])),
        "interval_of": b2.TimedArray(mean_intervals(images, p), dt=p["steps"] * ms),
    }


# In all equations, Euler with (f - 1)/dt as the rate multiplies by f: an exact decay without an exponential per step.


def input_group(tuned: bool, space: dict[str, Any], image_ms: Any) -> Any:
    if tuned:
        group = b2.NeuronGroup(
            PIXELS,
            "dx/dt = x*(keep_x - 1)/dt : 1\ninterval : 1\nnext_step : 1",
            method="euler",
            threshold="t_in_timesteps >= next_step",
            reset="x = 1\nnext_step += 1 + floor(-log(1 - rand())*interval)",
            namespace=space,
        )
        new_image = """x = 0
        interval = interval_of(t, i)
        next_step = t_in_timesteps + floor(-log(1 - rand())*interval)"""
    else:
        group = b2.NeuronGroup(PIXELS, "chance : 1", threshold="rand() < chance", reset="", namespace=space)
        new_image = "chance = 1 - exp(-1/interval_of(t, i))"
    group.run_regularly(new_image, dt=image_ms, when="start")
    return group


def excitatory_group(tuned: bool, n: int, p: dict[str, Any], space: dict[str, Any], image_ms: Any) -> Any:
    equations = """
    dv/dt = (clip(v + leak*((v_rest - v) + g_exc*(e_exc - v) + g_inh*(e_inh - v)), e_inh, e_exc) - v)/dt
        : 1 (unless refractory)
    dg_exc/dt = g_exc*(keep_ge - 1)/dt : 1
    dg_inh/dt = g_inh*(keep_gi - 1)/dt : 1
    theta : 1
    weight_sum : 1"""
    new_image = """v = v_rest
    g_exc = 0
    g_inh = 0
    lastspike = -1000*second
    theta *= keep_theta
    weight_sum = 0"""
    if tuned:
        equations += "\ndy1/dt = y1*(keep_y1 - 1)/dt : 1\ndy2/dt = y2*(keep_y2 - 1)/dt : 1"
        new_image += "\ny1 = 0\ny2 = 0"
    group = b2.NeuronGroup(
        n,
        equations,
        method="euler",
        threshold="v > v_th + theta",
        reset="v = v_rest\ntheta += theta_plus",
        refractory=(p["refractory_steps"] + 1) * b2.ms,  # Brian2 counts the step of the spike, we do not
        namespace=space,
    )
    group.v = p["v_rest_mv"]
    group.theta = p["theta_init_mv"]
    group.run_regularly(new_image, dt=image_ms, when="start", order=0)
    return group


def learning_synapses(
    tuned: bool, inputs: Any, exc: Any, init_weight_max: float, space: dict[str, Any], image_ms: Any
) -> list[Any]:
    """The plastic synapses and what belongs to them.

    In a step a post spike reads x and y2 before the input of this step arrives, which lavaprune delivers a step later:
    pathways run in the order potentiate, set y1 and y2, deliver and depress.
    """
    if tuned:
        learning = b2.Synapses(
            inputs,
            exc,
            "w : 1",
            on_pre="g_exc_post += gain_exc*w\nw = clip(w - mu_pre*y1_post, 0, 1)",
            on_post="w = clip(w + mu_post*x_pre*y2_post, 0, 1)",
            namespace=space,
        )
        traces = b2.Synapses(exc, exc, on_pre="y1_post = 1\ny2_post = 1", namespace=space)
        traces.connect(j="i")
        traces.pre.order = 1
        objects = [learning, traces]
    else:
        learning = b2.Synapses(
            inputs,
            exc,
            """w : 1
            dx/dt = -x/tau_x : 1 (event-driven)
            dy1/dt = -y1/tau_y1 : 1 (event-driven)
            dy2/dt = -y2/tau_y2 : 1 (event-driven)""",
            on_pre="g_exc_post += gain_exc*w\nw = clip(w - mu_pre*y1, 0, 1)\nx = 1",
            on_post="w = clip(w + mu_post*x*y2, 0, 1)\ny1 = 1\ny2 = 1",
            namespace=space,
        )
        learning.run_regularly("x = 0\ny1 = 0\ny2 = 0", dt=image_ms, when="start", order=0)
        objects = [learning]
    learning.connect()
    learning.w = f"rand()*{init_weight_max}"
    learning.post.order, learning.pre.order = 0, 2
    learning.run_regularly("weight_sum_post += w", dt=image_ms, when="start", order=1)
    learning.run_regularly("w = clip(w*column_sum/weight_sum_post, 0, 1)", dt=image_ms, when="start", order=2)
    return objects


def inhibition(exc: Any, n: int, p: dict[str, Any], space: dict[str, Any], image_ms: Any) -> list[Any]:
    """Interneurons one-to-one and laterally back, or lateral synapses alone."""
    objects = []
    source = exc
    if p["inhibition"] == "interneurons":
        source = b2.NeuronGroup(
            n,
            """dv/dt = (clip(v + inh_leak*((v_rest - v) + g_exc*(e_exc - v)), e_inh, e_exc) - v)/dt
                : 1 (unless refractory)
            dg_exc/dt = g_exc*(keep_ge - 1)/dt : 1""",
            method="euler",
            threshold="v > inh_v_th",
            reset="v = v_rest",
            refractory=(p["inh_refractory_steps"] + 1) * b2.ms,
            namespace=space,
        )
        source.v = p["v_rest_mv"]
        source.run_regularly("v = v_rest\ng_exc = 0\nlastspike = -1000*second", dt=image_ms, when="start")
        partner = b2.Synapses(exc, source, on_pre="g_exc_post += inh_gain_exc", namespace=space)
        partner.connect(j="i")
        objects = [source, partner]
    lateral = b2.Synapses(source, exc, on_pre="g_inh_post += gain_inh", namespace=space)
    lateral.connect(condition="i != j")
    return [*objects, lateral]


def build(p: dict[str, Any], options: argparse.Namespace, runs: list[int]) -> None:
    """Describe the network, write and compile the C++ program; ``runs`` are its numbers of images, in turn."""
    global b2
    import brian2 as b2

    device = b2.set_device("cpp_standalone", build_on_run=False) or b2.device
    b2.prefs.codegen.cpp.extra_compile_args_gcc = COMPILER_FLAGS
    b2.prefs.devices.cpp_standalone.openmp_threads = 0
    b2.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
    b2.defaultclock.dt = 1 * b2.ms
    b2.seed(options.seed)
    image_ms = p["steps"] * b2.ms
    tuned = options.style == "tuned"
    space = namespace(p, read_images(options.data_dir, sum(runs)))
    inputs = input_group(tuned, space, image_ms)
    exc = excitatory_group(tuned, options.neurons, p, space, image_ms)
    learning = learning_synapses(tuned, inputs, exc, p["init_weight_max"], space, image_ms)
    counters = {name: b2.SpikeMonitor(group, record=False) for name, group in (("INPUT", inputs), ("EXC", exc))}
    others = inhibition(exc, options.neurons, p, space, image_ms)
    network = b2.Network(inputs, exc, *learning, *others, *counters.values())
    for n in runs:
        network.run(n * image_ms, namespace={})
        say = {"RUN": "Network::_last_run_time", "CPU": "std::clock()/double(CLOCKS_PER_SEC)"}
        for name, counter in counters.items():
            say[name] = device.get_array_name(counter.variables["N"], access_data=True) + "[0]"
        for name, expression in say.items():
            device.insert_code("main", f'std::cout << "{name} " << {expression} << std::endl;')
    device.build(directory=str(options.build_dir), compile=True, run=False)


def execute(build_dir: Path, runs: list[int]) -> dict[str, Any]:
    """Run the program once; time per image is that of the later images (the first run warms up)."""
    started = time.perf_counter()
    done = subprocess.run(["./main"], cwd=build_dir, capture_output=True, text=True, timeout=3600, check=True)
    wall_s = time.perf_counter() - started
    found = {
        name: [float(x) for x in re.findall(rf"{name} (\S+)", done.stdout)] for name in ("RUN", "CPU", "INPUT", "EXC")
    }
    if any(len(values) != len(runs) for values in found.values()):
        raise SystemExit(f"{build_dir}/main printed something unexpected: {done.stdout[-500:]}")
    short, long = runs[0], runs[-1]
    return {
        "ms_per_image": 1000 * (found["RUN"][-1] - found["RUN"][0]) / (long - short),
        "cpu_ms_per_image": 1000 * (found["CPU"][-1] - found["CPU"][0]) / long,
        "images": long,
        "input_spikes_per_image": (found["INPUT"][-1] - found["INPUT"][0]) / long,
        "exc_spikes_per_image": (found["EXC"][-1] - found["EXC"][0]) / long,
        "seconds": {"short": found["RUN"][0], "long": found["RUN"][-1], "program": wall_s},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="ms per training image of the network in Brian2 cpp_standalone.")
    parser.add_argument("--data-dir", type=Path, help="data root: <dir>/MNIST/raw/*.gz")
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--short", type=int, default=50, help="images of the first, shorter run")
    parser.add_argument("--images", type=int, default=300, help="images of the second run")
    parser.add_argument("--parameters", type=Path, help="JSON with physical parameters under lavaprune's names")
    parser.add_argument("--build-dir", type=Path, default=Path("brian2_build"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--style", choices=STYLES, default="tuned")
    parser.add_argument("--build-only", action="store_true")
    parser.add_argument("--run-only", action="store_true", help="run what --build-only left in --build-dir")
    options = parser.parse_args()
    options.build_dir = options.build_dir.resolve()
    runs = [options.short, options.images]
    if options.short >= options.images or options.short < 1:
        parser.error("--short must be at least 1 and below --images")
    if not options.run_only:
        if options.data_dir is None:
            parser.error("--data-dir is needed to build")
        parameters = dict(PARAMETERS)
        if options.parameters is not None:
            given = json.loads(options.parameters.read_text("utf-8"))
            parameters |= {name: value for name, value in given.items() if name in PARAMETERS}
        started = time.perf_counter()
        build(parameters, options, runs)
        print(f"built in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if not options.build_only:
        print(json.dumps(execute(options.build_dir, runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
