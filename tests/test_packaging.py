"""The folders at the root make up one package, `lavaprune`: as installed here, and as a wheel."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import tomli
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("app", "proc_models", "processes", "pruning", "energy")
PYPROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def is_litter(path: Path) -> bool:
    """Whether a file in a layer is a cache or an editor's leftover rather than a part of the package."""
    name = path.name
    return "__pycache__" in path.parts or name.startswith(".") or name.endswith(("~", ".orig", ".rej"))


def layer_files() -> list[PurePosixPath]:
    """Every file of the layers, relative to the root."""
    return [
        PurePosixPath(file.relative_to(ROOT).as_posix())
        for layer in LAYERS
        for file in sorted((ROOT / layer).rglob("*"))
        if file.is_file() and not is_litter(file.relative_to(ROOT))
    ]


def installed_path(file: PurePosixPath) -> PurePosixPath:
    """Where a file of a layer goes: ``app/x`` to ``lavaprune/x``, ``energy/x`` to ``lavaprune/energy/x``."""
    parts = file.parts[1:] if file.parts[0] == "app" else file.parts
    return PurePosixPath("lavaprune", *parts)


def package_names() -> set[str]:
    """The dotted names of all folders of the layers that hold an ``__init__.py``."""
    inits = [file for file in layer_files() if file.name == "__init__.py"]
    return {".".join(installed_path(file).parent.parts) for file in inits}


def module_names() -> list[str]:
    """The dotted names of all modules and packages but ``__main__``."""
    modules = [file for file in layer_files() if file.suffix == ".py"]
    names = [".".join(installed_path(file).with_suffix("").parts) for file in modules]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def run_python(script: str, cwd: Path, **environment: str) -> Any:
    """Run a script in a new interpreter and return the JSON that it prints on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_package_folder_is_listed() -> None:
    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == package_names()


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {file.parent for file in layer_files() if file.suffix == ".py"}
    bare = [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()]
    assert not bare, f"folders with modules but without __init__.py: {bare}"


def test_process_and_model_have_the_same_basenames() -> None:
    """``processes/x.py`` that defines a Process has its models in ``proc_models/x.py``."""
    missing = []
    for file in sorted((ROOT / "processes").glob("*.py")):
        classes = [node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
        bases = {ast.unparse(base).split(".")[-1] for node in classes for base in node.bases}
        if "LavapruneProcess" in bases and not (ROOT / "proc_models" / file.name).exists():
            missing.append(file.name)
    assert not missing, f"processes without a module of the same name in proc_models/: {missing}"


def test_layers_are_imported_under_one_name_only() -> None:
    """Even at the root, where ``import energy`` works too, each file is loaded once, as lavaprune.*."""
    loaded = run_python(
        f"""
        import importlib, json, os, sys
        for name in {module_names()!r}:
            importlib.import_module(name)
        files = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
        print(json.dumps([(name, os.path.realpath(file)) for name, file in files if file]))
        """,
        cwd=ROOT,
    )
    by_file: dict[str, list[str]] = {}
    for name, file in loaded:
        path = Path(file)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in LAYERS:
            by_file.setdefault(file, []).append(name)
    assert sorted(by_file.values()) == sorted([name] for name in module_names())
    assert not set(LAYERS) & {name for name, _ in loaded}


def pins(lock: str) -> dict[str, str]:
    """Package to version, as a lock pins them."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE))


@pytest.mark.parametrize(("lock", "extras"), [("requirements.lock", ()), ("requirements-dl.lock", ("dl",))])
def test_lock_pins_what_pyproject_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    pinned = pins(lock)
    asked = [
        *PYPROJECT["project"]["dependencies"],
        *(entry for extra in extras for entry in PYPROJECT["project"]["optional-dependencies"][extra]),
        *PYPROJECT["dependency-groups"]["dev"],
        *(PYPROJECT["dependency-groups"]["dl-dev"] if extras else ()),
        *PYPROJECT["build-system"]["requires"],
    ]
    for entry in asked:
        requirement = Requirement(entry)
        version = pinned.get(requirement.name)
        assert version is not None, f"{lock} has no {requirement.name}; run make lock"
        assert requirement.specifier.contains(version), f"{lock} pins {version}; asked: {entry}"


def test_deep_lock_is_the_light_one_and_more() -> None:
    """And `make demo` spares its users torch."""
    light, deep = pins("requirements.lock"), pins("requirements-dl.lock")
    assert set(light) < set(deep)
    assert {"torch", "torchvision", "lava-dl"} <= set(deep) - set(light)
    # lava-dl holds pillow below 11; what else it may hold back one day is to be seen here first
    assert {name for name in light if light[name] != deep[name]} <= {"pillow"}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dl.lock", "requirements-uv.lock"])
def test_lock_is_hashed_and_names_no_host(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    entries = [i for i, line in enumerate(lines) if line and not line.startswith((" ", "#"))]
    assert entries
    for i in entries:
        assert "==" in lines[i], f"{lock}:{i + 1}: {lines[i]}"
        assert lines[i + 1].strip().startswith("--hash=sha256:"), f"{lock}:{i + 1}: {lines[i]} has no hash"
    options = ("--index", "--extra", "--find")
    assert not [line for line in lines if "://" in line or line.lstrip().startswith(options)]


def make_dry_run(target: str, stamps: tuple[str, ...], folder: Path) -> str:
    """What make would do for a target in a checkout whose environment has these stamps, newest last."""
    for name in ("Makefile", "requirements.lock", "requirements-dl.lock", "requirements-uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / ".python-version", folder / ".python-version")
    later = time.time() + 60
    for path in (".uv/bin/uv", *(f".venv/{stamp}" for stamp in stamps)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
        os.utime(folder / path, (later, later))
        later += 60
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make on the path")
    command = [make, "--dry-run", "--no-print-directory", *target.split()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("target", "stamps", "lock"),
    [
        ("setup", (), "requirements.lock"),
        ("demo", (), "requirements.lock"),
        ("setup-dl", (), "requirements-dl.lock"),
        ("setup-dl", (".stamp-setup",), "requirements-dl.lock"),
        ("setup-dl test", (".stamp-setup",), "requirements-dl.lock"),
        ("setup", (".stamp-setup",), None),
        ("setup", (".stamp-setup-dl",), None),
        ("test", (".stamp-setup-dl",), None),
        ("setup-dl", (".stamp-setup-dl",), None),
    ],
)
def test_make_keeps_one_environment(target: str, stamps: tuple[str, ...], lock: str | None, tmp_path: Path) -> None:
    """The light set-up never takes torch away again, and both never run in one call."""
    synced = re.findall(r"pip sync .* (\S+\.lock)$", make_dry_run(target, stamps, tmp_path), re.MULTILINE)
    assert synced == ([] if lock is None else [lock])


def test_python_versions_agree() -> None:
    wanted = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert PYPROJECT["project"]["requires-python"] == ">=3.10,<3.11"
    assert wanted == "3.10"
    assert sys.version_info[:2] == (3, 10)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of the source distribution from a copy of the files that a build may read."""
    private = ROOT / ".uv" / "bin" / "uv"
    uv = str(private) if private.exists() else shutil.which("uv")
    if uv is None:
        pytest.skip("no uv: neither .uv/bin/uv (make setup) nor one on the path")
    source = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("__pycache__")
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, source / layer, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    dist = tmp_path_factory.mktemp("dist")
    options = ["--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    command = [uv, "build", *options, "--out-dir", str(dist), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = dist.glob("*.whl")
    return path


def test_wheel_holds_the_layers_and_nothing_else(wheel: Path) -> None:
    version = PYPROJECT["project"]["version"]
    assert wheel.name == f"lavaprune-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        info = f"lavaprune-{version}.dist-info"
        entry_points = configparser.ConfigParser()
        entry_points.read_string(archive.read(f"{info}/entry_points.txt").decode())
    content = {name for name in names if not name.startswith(f"{info}/")}
    assert content == {installed_path(file).as_posix() for file in layer_files()}
    assert f"{info}/licenses/LICENSE" in names
    assert dict(entry_points["console_scripts"]) == {"lavaprune": "lavaprune.cli:main"}


def test_wheel_imports_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    files = run_python(
        f"""
        import importlib, json
        modules = [importlib.import_module(name) for name in {module_names()!r}]
        from lavaprune.cli import main
        assert callable(main)
        print(json.dumps([module.__file__ for module in modules]))
        """,
        cwd=tmp_path,
        PYTHONPATH=str(site),
    )
    assert files
    assert [file for file in files if not Path(file).is_relative_to(site)] == []
