"""The README's code runs, and its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def output_of(block: str, folder: Path) -> str:
    """What a block of code prints."""
    script = folder / "readme.py"
    script.write_text(block, "utf-8")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=240, cwd=folder)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_there_is_code_and_no_gap() -> None:
    assert len(BLOCKS) == 2
    assert not re.search(r"[A-Z]+_TABLE", README)


def test_a_graph_of_ones_own_learns(tmp_path: Path) -> None:
    output = output_of(BLOCKS[0], tmp_path)
    rows = [[float(value) for value in re.findall(r"\d+\.", line)] for line in output.splitlines()]
    assert rows[1] == [120, 120]
    assert all(value > 120 for value in rows[0] + rows[2])


def test_the_meter_counts(tmp_path: Path) -> None:
    (row,) = [line for line in output_of(BLOCKS[1], tmp_path).splitlines() if "->" in line]
    # Three neurons with bias 40 and thresholds of 64 (1 << 6) spike in every other of 100 steps; one weight each.
    assert row.split()[-5:-1] == ["150", "150", "150", "0"]


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
