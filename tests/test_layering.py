"""Imports point downwards only: app > proc_models > processes > pruning > energy."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("app", "proc_models", "processes", "pruning", "energy")  # from the top down
NO_LAVA = ("pruning", "energy")

# Building a Process makes sure that its models are registered: Lava looks for them beside the Process.
LAZY_EXCEPTION = ("processes/base.py", "proc_models")


def layer_of(module: str) -> str | None:
    """The layer that an absolute module name belongs to, or None for anything that is not lavaprune's."""
    parts = module.split(".")
    if parts[0] != "lavaprune":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS[1:] else "app"


def package_of(path: str) -> list[str]:
    """The dotted package, as a list, in which the file at ``path`` (``layer/.../name.py``) lives."""
    layer, *folders = path.split("/")[:-1]
    return ["lavaprune", *([] if layer == "app" else [layer]), *folders]


def imported_modules(tree: ast.AST, path: str) -> Iterator[tuple[str, int, bool]]:
    """Yield (absolute module name, line, whether it stands inside a function) for every import.

    Counts ``import_module("...")`` and ``__import__("...")`` with a literal name too.
    """

    def visit(node: ast.AST, in_function: bool) -> Iterator[tuple[str, int, bool]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, in_function
        elif isinstance(node, ast.ImportFrom):
            base = [] if node.module is None else node.module.split(".")
            if node.level:
                package = package_of(path)
                base = package[: len(package) - node.level + 1] + base
            for alias in node.names:
                yield ".".join([*base, alias.name]), node.lineno, in_function
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value, node.lineno, in_function
        inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return visit(tree, False)


def violations(source: str, path: str) -> list[str]:
    """What the file at ``path``, relative to the root, imports although its layer may not."""
    own = path.split("/")[0]
    found = []
    for module, line, in_function in imported_modules(ast.parse(source), path):
        top = module.split(".")[0]
        if top in LAYERS:
            found.append(f"{path}:{line}: bare {module}; import it as lavaprune.{module}")
        elif top == "lava" and own in NO_LAVA:
            found.append(f"{path}:{line}: {module}; {own} is free of Lava")
        target = layer_of(module)
        if target is None or LAYERS.index(target) >= LAYERS.index(own):
            continue
        if (path, target) == LAZY_EXCEPTION and in_function:
            continue
        found.append(f"{path}:{line}: {module} is above {own}")
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_downwards(layer: str) -> None:
    files = sorted((ROOT / layer).rglob("*.py"))
    assert files, f"{layer}/ holds no module"
    found = []
    for file in files:
        found += violations(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_the_rest_imports_the_installed_package(folder: str) -> None:
    """No layer by its folder's name; no helper as ``tests.x``, since lava-nc installs a ``tests`` too."""
    found = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        for module, line, _ in imported_modules(ast.parse(file.read_text(encoding="utf-8")), path):
            if module.split(".")[0] in (*LAYERS, "tests"):
                found.append(f"{path}:{line}: {module}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("energy/counts.py", "import lavaprune.pruning.masks"),
        ("energy/counts.py", "from lavaprune import pruning"),
        ("energy/counts.py", "from lavaprune.files import write_text"),
        ("energy/counts.py", "from ..pruning import masks"),
        ("energy/counts.py", "def f():\n    from lavaprune.processes import base"),
        ("energy/counts.py", "import typing\nif typing.TYPE_CHECKING:\n    import lavaprune.pruning"),
        ("energy/profiles/load.py", "from ...app import files"),
        ("energy/counts.py", "import lava.magma"),
        ("pruning/masks.py", "from lava.magma.core import process"),
        ("pruning/masks.py", "import importlib\nimportlib.import_module('lavaprune.processes')"),
        ("processes/lif.py", "def f():\n    import lavaprune.proc_models"),
        ("processes/base.py", "import lavaprune.proc_models"),
        ("processes/base.py", "def f():\n    import lavaprune.cli"),
        ("proc_models/lif.py", "from lavaprune.runtime.session import Session"),
        ("app/run.py", "from energy import counts"),
        ("app/run.py", "import processes.base"),
    ],
)
def test_violation_is_found(path: str, source: str) -> None:
    assert len(violations(source, path)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app/cli/train.py", "import lavaprune.energy\nfrom ..runtime import session"),
        ("app/run.py", "from lavaprune import energy, pruning, processes, proc_models, cli"),
        ("proc_models/lif.py", "from lavaprune.processes.lif import LIF\nimport lava\nfrom . import tables"),
        ("processes/base.py", "def register():\n    import lavaprune.proc_models"),
        ("pruning/masks.py", "from lavaprune.energy import counts\nimport numpy, lavagna"),
    ],
)
def test_allowed_imports_pass(path: str, source: str) -> None:
    assert violations(source, path) == []


def test_pruning_and_energy_run_without_lava() -> None:
    """With Lava unimportable every module of both layers still imports, so nothing pulls it in on the way."""
    modules = [
        ".".join(["lavaprune", *file.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
        for layer in NO_LAVA
        for file in sorted((ROOT / layer).rglob("*.py"))
    ]
    assert {"lavaprune.pruning", "lavaprune.energy"} <= set(modules)
    script = f"""
        import importlib, sys
        sys.modules["lava"] = None  # any import of it now fails
        for name in {modules!r}:
            importlib.import_module(name)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
