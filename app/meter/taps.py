"""Listening to a ProcessModel's ports, in its own OS process, without changing what passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.model.py.ports import AbstractTransformer


class MessageTap(AbstractTransformer):
    """Which elements of each message were not zero, message by message, before Lava adds several sources up.

    It takes the place of a port's transformer, which every message passes once, and hands on what that returns.

    Parameters
    ----------
    port : PyInPortVectorDense
        A built port.
    rows : mapping of CSP port to int
        Board row of each source; messages of others are not noted.
    """

    def __init__(self, port: Any, rows: Mapping[Any, int]) -> None:
        self._transformer = port._transformer
        self._rows = rows
        self._noted: list[tuple[int, npt.NDArray[np.bool_]]] = []
        port._transformer = self

    def transform(self, data: npt.NDArray[Any], csp_port: Any) -> npt.NDArray[Any]:
        """Note what arrives in the port's own shape; called by Lava."""
        message = self._transformer.transform(data, csp_port)
        row = self._rows.get(csp_port)
        if row is not None:
            self._noted.append((row, message != 0))
        return message

    def take(self) -> list[tuple[int, npt.NDArray[np.bool_]]]:
        """Return (row, mask in the port's shape) of each message since the last call."""
        noted, self._noted = self._noted, []
        return noted


class SumTap:
    """Where the sum of all that arrived at a port was not zero.

    Parameters
    ----------
    port : PyInPortVectorDense
        A built port.
    """

    def __init__(self, port: Any) -> None:
        self._recv = port.recv
        self._arrived = np.zeros(port.shape, bool)
        port.recv = self._receive

    def _receive(self) -> npt.NDArray[Any]:
        total: npt.NDArray[Any] = self._recv()
        self._arrived |= total != 0
        return total

    def take(self) -> npt.NDArray[np.bool_]:
        """Return the mask, in the port's shape, of what was received since the last call."""
        arrived, self._arrived = self._arrived, np.zeros_like(self._arrived)
        return arrived


class SendTap:
    """How many elements that were not zero left through a port, connected or not.

    Parameters
    ----------
    port : PyOutPortVectorDense
        A built port.
    """

    def __init__(self, port: Any) -> None:
        self._send = port.send
        self._n_spikes = 0
        port.send = self._send_on

    def _send_on(self, data: npt.NDArray[Any]) -> None:
        self._n_spikes += int(np.count_nonzero(data))
        self._send(data)

    def take(self) -> int:
        """Return the number since the last call."""
        n_spikes, self._n_spikes = self._n_spikes, 0
        return n_spikes
