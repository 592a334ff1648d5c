"""The same seed gives the same weights on every machine: golden hashes, and no libm on the way to the state."""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lavaprune.configuration import validate
from lavaprune.proc_models import tables
from lavaprune.proc_models.compile_cache import KERNEL_SOURCES
from lavaprune.proc_models.fused_engine import FusedEngine, constants
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.runtime.graph_session import GraphSession
from lavaprune.runtime.watchdog import guarded
from lavaprune.training import control

GRAPH_TIMEOUT_S = 240.0
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "golden" / "make_golden_hashes.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden_hashes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


golden = load_script()
EXPECTED = json.loads(golden.HASHES.read_text(encoding="utf-8"))


# --- the runs themselves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", golden.CASES)
def test_graph_engine_gives_the_golden_hashes(case: str) -> None:
    run = golden.build(case)
    session = GraphSession(run.parameters, run.state)
    with guarded(session.process, GRAPH_TIMEOUT_S), session:
        counts = [part for _, part, _ in session.present(run.images, run.control)]
        state = session.fetch_state()
    assert golden.digests(state, np.concatenate(counts)) == EXPECTED[case]


@pytest.mark.parametrize("case", golden.CASES)
def test_golden_runs_go_through_everything(case: str) -> None:
    """A counter at 0 would be a part of the arithmetic that no golden hash watches."""
    training, inference = EXPECTED[case]["training"], EXPECTED[case]["inference"]
    silent = {"controller_operations"}  # pruning is the controller's, not the engine's
    if golden.CASES[case][0]["inhibition"] == "direct":
        silent |= {name for name in training if "inh_" in name and name != "exc_inh_accumulations"}
        silent |= {"exc_inh_accumulations"}
    assert {name for name, count in training.items() if count == 0} == silent
    learning = {name for name in training if name.startswith(("depression", "potentiation", "normalisation"))}
    assert {name for name, count in inference.items() if count == 0} == silent | learning
    rates = golden.build(case).control[: golden.N_TRAIN, 2:5]
    assert (rates[-1] < rates[0]).all()  # annealed


def test_masked_case_keeps_its_masks() -> None:
    run = golden.build("masked")
    engine = FusedEngine(run.parameters, run.state)
    engine.run(run.images, run.control)
    weights = engine.weights
    assert not weights[run.state.conducts == 0].any()
    frozen = run.state.plastic == 0
    assert (weights[frozen] == run.state.weights[frozen]).all()
    assert (weights[~frozen] != run.state.weights[~frozen]).any()


# --- the fused engine gives them ------------------------------------------------------------------------------------


def test_compiled() -> None:
    assert golden.run_fused() == EXPECTED


def python(code: str, **environment: str) -> str:
    """Standard output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_compiler() -> None:
    """Pure Python and NumPy scalars; any warning (an overflow that is not meant) is an error."""
    code = f"""
        import json, runpy, warnings
        import numba
        warnings.simplefilter("error")
        assert numba.config.DISABLE_JIT
        from lavaprune.proc_models.fused_kernel import run_chunk
        assert not hasattr(run_chunk, "signatures")
        print(json.dumps(runpy.run_path({str(SCRIPT)!r})["run_fused"]()))
    """
    assert json.loads(python(code, NUMBA_DISABLE_JIT="1")) == EXPECTED


# Names that libm, or LLVM on its behalf, would compute with roundings of their own. floor and trunc are exact.
LIBM = re.compile(
    r"@(?:llvm\.)?_*(?:exp|exp2|exp10|expm1|ldexp|log|log2|log10|log1p|pow|powi|sqrt|cbrt|hypot|sin|cos|tan|asin|acos"
    r"|atan|atan2|sinh|cosh|tanh|erf|gamma|lgamma|fma|fmuladd|fmod|remainder|vector\.reduce\.f\w+)[fl]?[.(\"]"
)
FAST_MATH = re.compile(r"= f(?:add|sub|mul|div)\b[^%]*\b(?:fast|reassoc|contract|arcp|afn)\b")


@pytest.fixture(scope="module")
def generic(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The kernel compiled anew for the plainest processor of this kind: its hashes and what it was compiled to."""
    code = f"""
        import json, math, runpy
        from numba import njit
        result = {{"hashes": runpy.run_path({str(SCRIPT)!r})["run_fused"]()}}
        from lavaprune.proc_models.fused_kernel import run_chunk

        @njit(fastmath=True)
        def with_libm(x):
            return math.exp(x) + x * x

        with_libm(1.0)
        (signature,) = run_chunk.signatures
        result["llvm"] = run_chunk.inspect_llvm(signature)
        result["assembly"] = run_chunk.inspect_asm(signature)
        result["control"] = with_libm.inspect_llvm(with_libm.signatures[0])
        print(json.dumps(result))
    """
    cache = tmp_path_factory.mktemp("numba")
    text = python(code, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(cache))
    assert list(cache.rglob("*.nbi")), "the kernel was not compiled into the cache of its own"
    result: dict[str, Any] = json.loads(text)
    return result


def test_on_a_generic_processor(generic: dict[str, Any]) -> None:
    assert not re.search(r"\b[yz]mm\d", generic["assembly"])  # really another target than most machines'
    assert generic["hashes"] == EXPECTED


def test_the_compiled_kernel_calls_no_libm(generic: dict[str, Any]) -> None:
    assert "define" in generic["llvm"]
    assert not LIBM.findall(generic["llvm"])
    assert not FAST_MATH.findall(generic["llvm"])
    # the search would find them
    assert LIBM.findall(generic["control"])
    assert FAST_MATH.findall(generic["control"])


# --- what the host computes -----------------------------------------------------------------------------------------

TRANSCENDENTAL = (
    "exp exp2 expm1 log log2 log10 log1p pow power float_power sqrt cbrt sin cos tan arctan atan sinh cosh tanh"
    " logaddexp erf gamma lgamma fsum"
)


def host_side() -> tuple[Any, ...]:
    """Everything that the host hands to an engine: constants, tables, control rows, the first state."""
    for cached in (tables._trace_values, tables._interval_values, control._rates):
        cached.cache_clear()
    settings = validate({"neurons": 5, "learning": {"anneal_start": 0.1, "anneal_end": 0.03}})
    p = settings.network_parameters(16)
    state = initial_state(p)
    rows = control.training_rows(settings, 0, 1000, 1000)
    assert len(np.unique(rows[:, 2])) > 5
    traces = [tables.trace_table(tau) for tau in (p.tau_x_ms, p.tau_y1_ms, p.tau_y2_ms)]
    return (constants(p), tables.interval_table(), *traces, rows, state.weights, state.theta)


def test_the_host_computes_without_libm(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = host_side()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a function of libm was called")

    for module in (math, np):
        for name in TRANSCENDENTAL.split():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, refuse)
    with pytest.raises(AssertionError, match="libm"):
        math.exp(1.0)
    for now, before in zip(host_side(), expected, strict=True):
        assert (now == before).all()


STATE_SOURCES = [
    *(f"proc_models/{name}" for name in KERNEL_SOURCES if name != "floating_equations.py"),  # the reference may
    *(f"proc_models/{name}.py" for name in ("tables", "quantisation", "initial_state", "fused_engine")),
    *(f"app/training/{name}.py" for name in ("annealing", "control")),
]


def powers(source: str) -> list[str]:
    """Powers that are computed at run time; Python's ``**`` on floats is libm's pow."""
    def constant(node: ast.AST) -> bool:
        return isinstance(node, ast.BinOp) and all(isinstance(x, ast.Constant) for x in (node.left, node.right))

    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.BinOp | ast.AugAssign)]
    return [ast.unparse(node) for node in nodes if isinstance(node.op, ast.Pow) and not constant(node)]


@pytest.mark.parametrize("path", STATE_SOURCES)
def test_no_power_operator_on_the_way_to_the_state(path: str) -> None:
    assert not powers((ROOT / path).read_text(encoding="utf-8"))


def test_the_search_for_powers_finds_them() -> None:
    assert set(powers("y = a ** 0.5\nz = 2**30\nw **= 2")) == {"a ** 0.5", "w **= 2"}
