"""Lava's own Sparse Process computed spike by spike: what its model gives, in a fraction of the time.

Lava's model picks the columns of the inputs that spike out of a matrix stored by rows, which looks at every weight of
it in every step. Here the weights are stored by columns. Plain RunConfigs do not know this model; ask for it by
``exception_proc_model_map={Sparse: PySparseModelByEvents}``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.sparse.models import AbstractPySparseModelBitAcc
from lava.proc.sparse.process import Sparse
from scipy.sparse import csc_matrix

from lavaprune.proc_models.event_kernels import add_columns


@implements(proc=Sparse, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySparseModelByEvents(AbstractPySparseModelBitAcc):
    """`lava.proc.sparse.models.PySparseModelBitAcc` for spikes without a payload; for others it is that model.

    Weights are read in the first step: what is set later has no effect, other than in that model.
    """

    a_buff: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=16)
    _columns: Any = None

    def run_spk(self) -> None:
        """Send the sums of the step before, then sum this step's spikes."""
        # Lava's model brings the weights to their width in its first step
        if not self.weights_set or self.num_message_bits.item() > 0:
            super().run_spk()
            return
        if self._columns is None:
            by_columns = csc_matrix(self.weights)
            parts = (by_columns.indptr, by_columns.indices, by_columns.data)
            self._columns = tuple(np.ascontiguousarray(part, np.int32) for part in parts)
        self.a_out.send(self.a_buff)
        sums = np.zeros(self.weights.shape[0], np.int64)
        starts, rows, values = self._columns
        add_columns(self.s_in.recv().astype(bool), starts, rows, values, sums)
        self.a_buff = sums << self.weight_exp if self.weight_exp > 0 else sums >> -self.weight_exp
