"""The engine that the settings name, as a session on Lava's runtime."""

from __future__ import annotations

from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.runtime.graph_session import GraphSession
from lavaprune.runtime.session import EngineSession
from lavaprune.settings import Settings


def open_session(settings: Settings, parameters: NetworkParameters, state: NetworkState) -> EngineSession:
    """A session that starts from ``state``; to be used in a ``with`` block, under `supervise`."""
    method = None if settings.pruning.method == "none" else settings.pruning.build_method()
    if settings.engine == "graph":
        return GraphSession(parameters, state, method)
    return EngineSession(parameters, state, method, settings.samples_per_step)
