"""The RUN folder: settings, metrics, checkpoint and result of one run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lavaprune.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from lavaprune.configuration import dump_toml, read_toml, validate
from lavaprune.errors import InputError
from lavaprune.files import temporary_name, writable_folder, write_bytes, write_text
from lavaprune.settings import Settings

CONFIG = "config.toml"
METRICS = "metrics.jsonl"
CHECKPOINT = "checkpoint.npz"
BEFORE_PRUNING = "before_pruning.npz"  # a checkpoint of the last image before the first pruning event
RESULT = "result.json"
IMAGE_SHAPE = "image_shape"  # among a checkpoint's extras: height and width, (2,) int64
DEEP_CHECKPOINT = "checkpoint.pt"  # of a run of `lavaprune deep`
_OWN_FILES = (CONFIG, METRICS, CHECKPOINT, BEFORE_PRUNING, DEEP_CHECKPOINT, RESULT)


def default_folder(settings: Settings) -> Path:
    """Return the folder of a run whose ``--out`` is not given: ``runs/<dataset>-<neurons>-seed<seed>``."""
    return Path("runs") / f"{settings.dataset}-{settings.neurons}-seed{settings.seed}"


def require_vacant(path: Path) -> None:
    """Raise InputError if `path` holds a run, or cannot hold one."""
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"output folder {path}: is not a folder; allowed: a new or empty folder")
        for name in _OWN_FILES:
            if (path / name).exists():
                raise InputError(
                    f"output folder {path}: already holds a run ({name}); allowed: another folder, or --resume"
                )
    except OSError as error:
        raise InputError(f"output folder {path}: cannot be read ({error.strerror or error})") from None


class RecordFolder:
    """What every kind of run leaves in its folder: metrics line by line, and a result.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def clear_unfinished(self) -> None:
        """Remove what a killed run left half-written. Only for the one process that writes to the run."""
        for name in _OWN_FILES:
            temporary_name(self.path / name).unlink(missing_ok=True)

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Append one JSON object to ``metrics.jsonl``; it needs a whole number ``sample``."""
        if not isinstance(line.get("sample"), int):
            raise ValueError(f"metrics line's sample is {line.get('sample')!r}; allowed: an int")
        with open(self.path / METRICS, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, allow_nan=False) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl`` up to the first that is torn or no metrics line."""
        return [line for _, line in self._metrics_lines()]

    def rewind_metrics(self, sample: int) -> None:
        """Drop the lines beyond `sample`, and a torn last one, so that a resumed run writes none twice."""
        path = self.path / METRICS
        if path.exists():
            kept = b"".join(raw + b"\n" for raw, line in self._metrics_lines() if line["sample"] <= sample)
            write_bytes(path, kept)

    def _metrics_lines(self) -> list[tuple[bytes, dict[str, Any]]]:
        path = self.path / METRICS
        if not path.exists():
            return []
        found = []
        *whole, _torn = path.read_bytes().split(b"\n")
        for raw in whole:
            try:
                line = json.loads(raw)
            except ValueError:
                break
            if not isinstance(line, dict) or not isinstance(line.get("sample"), int):
                break
            found.append((raw, line))
        return found

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json`` atomically."""
        write_text(self.path / RESULT, json.dumps(result, indent=2, allow_nan=False) + "\n")

    def read_result(self) -> dict[str, Any] | None:
        """Return what ``result.json`` holds, or None if the run has not ended.

        Raises
        ------
        InputError
            If the file is no JSON object.
        """
        path = self.path / RESULT
        try:
            result = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, OSError, RecursionError) as error:
            raise InputError(f"{path}: not a result of lavaprune ({error})") from None
        if not isinstance(result, dict):
            raise InputError(f"{path}: not a result of lavaprune (no JSON object)")
        return result

    def read_final_result(self) -> dict[str, Any]:
        """Return what ``result.json`` holds.

        Raises
        ------
        InputError
            If the run has not ended, or the file is no JSON object.
        """
        result = self.read_result()
        if result is None:
            raise InputError(
                f"run folder {self.path}: has not ended and has no {RESULT} yet; allowed: a finished run"
            )
        return result


def make_run_folder(path: Path, config: str) -> None:
    """Make the folder and write ``config.toml``: from then on it is a run.

    Raises
    ------
    InputError
        If it already holds a run, or cannot be written.
    """
    require_vacant(path)
    try:
        with writable_folder(path):
            write_text(path / CONFIG, config)
    except OSError as error:
        raise InputError(f"output folder {path}: cannot be written ({error.strerror or error})") from None


def read_run_config(path: Path) -> dict[str, Any]:
    """Return what the ``config.toml`` of a run that exists holds.

    Raises
    ------
    InputError
        If there is no such folder, or it is not a run.
    """
    try:
        if not path.is_dir():
            raise InputError(f"run folder {path}: no such folder")
        if not (path / CONFIG).is_file():
            raise InputError(f"run folder {path}: not a run of lavaprune (no {CONFIG})")
    except OSError as error:
        raise InputError(f"run folder {path}: cannot be read ({error.strerror or error})") from None
    return read_toml(path / CONFIG)


class RunFolder(RecordFolder):
    """One run's folder. Build it with `create` (a new run) or `open` (one that exists).

    Attributes
    ----------
    path : Path
        The folder.
    settings : Settings
        What its ``config.toml`` holds.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        super().__init__(path)
        self.settings = settings

    @classmethod
    def create(cls, path: Path, settings: Settings) -> RunFolder:
        """Make the folder and write ``config.toml``: from then on it is a run.

        Raises
        ------
        InputError
            If it already holds a run, or cannot be written.
        """
        make_run_folder(path, dump_toml(settings))
        return cls(path, settings)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open a run that exists, without changing anything in it.

        Raises
        ------
        InputError
            If there is no such folder, or it is not a run.
        """
        values = read_run_config(path)
        if values.get("kind") == "deep":
            raise InputError(f"run folder {path}: is of lavaprune deep; allowed: a run of lavaprune train")
        return cls(path, validate(values))

    @property
    def has_checkpoint(self) -> bool:
        """Whether a checkpoint was ever written."""
        return (self.path / CHECKPOINT).exists()

    def save_checkpoint(self, checkpoint: Checkpoint, data_sha256: str, name: str = CHECKPOINT) -> None:
        """Replace the checkpoint atomically; `data_sha256` is `Dataset.sha256`'s, `name` the file's."""
        save_checkpoint(self.path / name, checkpoint, self.settings.sha256(), data_sha256)

    def load_checkpoint(self, n_inputs: int, data_sha256: str | None = None) -> Checkpoint:
        """Read the checkpoint; it must be this run's, of these data, and undamaged.

        Raises
        ------
        InputError
            See `lavaprune.checkpoint.load_checkpoint`.
        """
        return load_checkpoint(
            self.path / CHECKPOINT, n_inputs, self.settings.neurons, self.settings.sha256(), data_sha256
        )
