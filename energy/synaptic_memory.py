"""How many bits synapses take in a core's memory, in the dense and in the sparse encoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class SynapseEncoding:
    """Loihi's layout of synapses, as nengo-loihi publishes it (block.py, ``SynapseConfig.bits_per_axon``).

    An input axon has a list of synapses, stored in blocks of up to `synapses_per_block`. A block of n synapses takes
    ``n * (weight + delay + tag [+ index]) + block_overhead_bits`` bits, rounded up to words of `word_bits`.

    *Sparse*: the synapses that exist, each with the index of its target compartment.
    *Dense*: one entry for each compartment that the connection could reach on the core, in order and without an index;
    synapses that do not exist are stored as weights of 0.

    Attributes
    ----------
    synapses_per_block, block_overhead_bits, word_bits : int
    index_widths, weight_widths : tuple of int
        Widths that the format knows, in bits, ascending.
    """

    synapses_per_block: int
    block_overhead_bits: int
    word_bits: int
    index_widths: tuple[int, ...]
    weight_widths: tuple[int, ...]

    def index_bits(self, compartments: int) -> int:
        """Width of an index among `compartments` (at least 1): the smallest there is of at least log2 bits.

        Beyond the widest it is log2 itself; such a core breaks the limit of compartments anyway.
        """
        needed = (compartments - 1).bit_length()
        return next((width for width in self.index_widths if width >= needed), needed)

    def list_bits(self, synapses: npt.NDArray[np.int64], bits_per_synapse: int) -> npt.NDArray[np.int64]:
        """Bits of each list of synapses.

        Parameters
        ----------
        synapses : ndarray of int64
            Length of each list, from 0; an empty list takes nothing.
        bits_per_synapse : int
            Of weight, delay, tag and (sparse) index together.

        Returns
        -------
        ndarray of int64, the same shape
        """
        whole, rest = np.divmod(synapses, self.synapses_per_block)
        last = np.where(rest > 0, self._block_bits(rest, bits_per_synapse), 0)
        full = self._block_bits(np.int64(self.synapses_per_block), bits_per_synapse)
        return np.asarray(whole * full + last, np.int64)

    def _block_bits(self, synapses: npt.NDArray[np.int64] | np.int64, bits_per_synapse: int) -> npt.NDArray[np.int64]:
        bits = synapses * bits_per_synapse + self.block_overhead_bits
        return np.asarray(-(-bits // self.word_bits) * self.word_bits, np.int64)
