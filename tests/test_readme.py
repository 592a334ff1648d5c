"""The README's code runs, and its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_is_code_and_no_gap() -> None:
    assert BLOCKS
    assert not re.search(r"[A-Z]+_TABLE", README)


@pytest.mark.parametrize("block", BLOCKS)
def test_code_runs(block: str, tmp_path: Path) -> None:
    script = tmp_path / "readme.py"
    script.write_text(block, "utf-8")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=240, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    rows = [[float(value) for value in re.findall(r"\d+\.", line)] for line in run.stdout.splitlines()]
    assert rows[1] == [120, 120]
    assert all(value > 120 for value in rows[0] + rows[2])


def test_links_lead_somewhere() -> None:
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (root / target).exists(), target


def test_commands_exist() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "lavaprune", "--help"], capture_output=True, text=True, timeout=120
    ).stdout
    named = set(re.findall(r"\.venv/bin/lavaprune (\w+)", README))
    assert named
    assert all(re.search(rf"^\s+{name}\b", help_text, re.MULTILINE) for name in named)
