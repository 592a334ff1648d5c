"""The engine that the settings name, as a session on Lava's runtime."""

from __future__ import annotations

from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.runtime.graph_session import GraphSession
from lavaprune.runtime.session import EngineSession
from lavaprune.settings import Settings
from lavaprune.training.control import pruning_schedule


def open_session(
    settings: Settings, parameters: NetworkParameters, state: NetworkState, n_images: int = 0
) -> EngineSession:
    """A session that starts from ``state``; to be used in a ``with`` block, under `supervise`.

    ``n_images`` are the training images of the whole run; they matter where something is pruned.
    """
    method = None if settings.pruning.method == "none" else settings.pruning.build_method()
    n_events = max(1, pruning_schedule(settings, n_images).n_events)
    if settings.engine == "graph":
        return GraphSession(parameters, state, method, n_events)
    return EngineSession(parameters, state, method, settings.samples_per_step, n_events=n_events)
