"""A page taken apart, how wide a browser makes it, and the command that writes none."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lavaprune.cli import main

VOID = {"meta", "link", "br", "img", "input", "hr"}
CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)


class Page(HTMLParser):
    """A page taken apart; fails where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1:] == [tag], f"</{tag}> closes something else"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def browser_widths(page: Path, folder: Path, width: int) -> tuple[int, int]:
    """Width of the content and of a window of `width`: Chromium lays the page out, a probe around it notes both."""
    probe = folder / "probe.html"
    probe.write_text(
        f"<iframe id=f src='{page.as_uri()}' style='border:0;width:{width}px;height:900px'>"
        "</iframe><p id=out></p><script>f.onload=()=>{const d=f.contentDocument.documentElement;"
        "out.textContent='widths '+d.scrollWidth+' '+d.clientWidth+' end'}</script>"
    )
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
            f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=5000",
            "--dump-dom", probe.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    found = re.search(r"widths (\d+) (\d+) end", done.stdout)
    assert found, done.stderr[-2000:]
    return int(found[1]), int(found[2])


def refused(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line that ``lavaprune report`` is refused with."""
    code = main(["report", *map(str, arguments)])
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    return err
