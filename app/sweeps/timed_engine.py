"""The fused engine with a clock that runs while images are presented, and stands while the controller decides."""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np

from lavaprune.proc_models.fused_engine import FusedEngine, Recording
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_LABEL
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.training.control import inference_rows


class TimedEngine(FusedEngine):
    """A `FusedEngine` that adds up the seconds that its kernels take."""

    _seconds = 0.0

    def run(
        self, images: np.ndarray, control: np.ndarray, record: bool = False
    ) -> tuple[np.ndarray, Recording | None]:
        """As `FusedEngine.run`."""
        began = time.perf_counter()
        try:
            return super().run(images, control, record)
        finally:
            self._seconds += time.perf_counter() - began

    def take_seconds(self) -> float:
        """Seconds of all images since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Compile the kernels, or load them from the cache, so that no run's seconds hold that."""
    parameters = NetworkParameters(n_inputs=1, n_neurons=1, steps=1)
    engine = FusedEngine(parameters, initial_state(parameters))
    engine.run(np.zeros((1, 1), np.uint8), inference_rows(PHASE_LABEL, 0, 1))
