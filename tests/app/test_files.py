"""Files are written whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lavaprune.errors import InputError, LavapruneError, RunError
from lavaprune.files import atomic_file, temporary_name, write_bytes, write_text


def test_write_and_replace(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "one µ\n")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_error_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write() -> None:
        with atomic_file(path) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_kill_keeps_the_old_content_and_the_next_write_clears_up(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    script = f"""
        import os, signal
        from pathlib import Path
        from lavaprune.files import atomic_file
        with atomic_file(Path({str(path)!r})) as temporary:
            temporary.write_text("ne")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert temporary_name(path).exists()
    write_text(path, "new")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_errors_have_one_line_and_a_code() -> None:
    assert str(InputError("a\n  b\tc")) == "a b c"
    assert (LavapruneError.exit_code, RunError.exit_code, InputError.exit_code) == (1, 1, 2)
