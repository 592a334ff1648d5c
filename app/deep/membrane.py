"""Quantised leaky membranes of one layer over all steps, and their gradient.

SLAYER's CUBA neuron with current decay 1 and voltage decay 0.8, bit for bit, as Lava's LIF computes it::

    v <- trunc(v * 819 / 4096) + 64 * (2 * acc + bias)      (819 = 4096 - round(0.8 * 4096))
    spike if v > threshold; then v <- 0

in integers. `acc` is the sum of halved integer weights (-128 .. 127) of the synapses that got a spike, `bias` the
integer bias, ``u = v / unit`` the membrane in the units of Han et al. 2022, with the threshold at 0.5. SLAYER lets v
grow beyond the 24 bits at which Lava clips it; so does this.

The gradient is theirs: ds/du = 1 where 0 < u < 1, and the reset, ``u <- 0.2 u (1 - s)``, is differentiated too. For
that each step leaves one byte, its *code*: 0 where u <= 0, 255 where u >= 1, and between them 1 to 254, levels of u; a
spike is a code from 128.

On the CPU this runs in Numba (`membrane_kernels`); elsewhere, and as the reference for it, in torch, so that SLAYER's
CUDA sources never have to be compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lavaprune.deep import membrane_kernels
from lavaprune.deep.architectures import DECAY_BITS, KEPT, STATE_BITS

if TYPE_CHECKING:
    import torch

SPIKE_CODE = 128
_LEVELS = 254
_KEPT_SHARE = KEPT / (1 << DECAY_BITS)


def integrate(acc: torch.Tensor, bias: torch.Tensor, threshold: int, unit: int, in_torch: bool = False) -> torch.Tensor:
    """Run membranes over all steps, from rest.

    Parameters
    ----------
    acc : (T, B, N) float32
        Whole numbers.
    bias : (N,) float64
        Whole numbers.
    threshold : int
        Of v.
    unit : int
        v at u = 1.
    in_torch : bool
        Use torch on the CPU too.

    Returns
    -------
    (T, B, N) uint8
        Codes.
    """
    import torch

    codes = torch.empty(acc.shape, dtype=torch.uint8, device=acc.device)
    if acc.device.type == "cpu" and not in_torch:
        membrane_kernels.integrate(acc.numpy(), bias.numpy(), float(threshold), 1.0 / unit, codes.numpy())
        return codes
    v = acc.new_zeros(acc.shape[1:], dtype=torch.float64)
    for t in range(len(acc)):
        v = (v * _KEPT_SHARE).trunc() + (1 << STATE_BITS) * (2.0 * acc[t].round().double() + bias)
        spiked = v > threshold
        u = v * (1.0 / unit)
        place = (u.clamp(0, 1) * _LEVELS).int() + 1
        level = torch.where(spiked, place.clamp(SPIKE_CODE, _LEVELS), place.clamp(max=SPIKE_CODE - 1))
        codes[t] = level.masked_fill(u <= 0, 0).masked_fill(u >= 1, 255).to(torch.uint8)
        v = v.masked_fill(spiked, 0.0)
    return codes


def differentiate(
    codes: torch.Tensor, grad: torch.Tensor, index: torch.Tensor, share: float, in_torch: bool = False
) -> torch.Tensor:
    """Gradient with respect to the input of each step, in units of u.

    Parameters
    ----------
    codes : (T, B, N) uint8
    grad : (T, B, M) float32, or (1, B, M)
        Gradient with respect to the pooled spikes; one of length 1 is that of every step.
    index : (N,) int32
        Pooling window of each neuron.
    share : float
        Factor of `grad`.

    Returns
    -------
    (T, B, N) float32
    """
    import torch

    out = torch.empty(codes.shape, dtype=torch.float32, device=codes.device)
    if codes.device.type == "cpu" and not in_torch:
        membrane_kernels.differentiate(codes.numpy(), grad.numpy(), index.numpy(), share, out.numpy())
        return out
    later = torch.zeros(codes.shape[1:], dtype=torch.float32, device=codes.device)
    places = index.long()
    for t in range(len(codes) - 1, -1, -1):
        level = codes[t].float()
        u = (level - 0.5) * np.float32(1.0 / _LEVELS).item()
        inside = (level > 0) & (level < 255)
        given = share * grad[t if len(grad) > 1 else 0][:, places]
        after = np.float32(_KEPT_SHARE).item() * later
        later = inside * (given - u * after) + (level < SPIKE_CODE) * after
        out[t] = later
    return out


def pool_spikes(codes: torch.Tensor, shape: tuple[int, int, int], side: int, in_torch: bool = False) -> torch.Tensor:
    """Spikes per pooling window: (T, B, N) codes of a layer of `shape` (H, W, C) to (T, B, H', W', C) uint8."""
    import torch

    steps, samples, _ = codes.shape
    height, width, channels = shape
    if side == 1:
        return (codes >> 7).view(steps, samples, *shape)
    if codes.device.type == "cpu" and not in_torch:
        counts = torch.empty((steps * samples, height // side, width // side, channels), dtype=torch.uint8)
        membrane_kernels.pool(codes.view(-1, *shape).numpy(), side, counts.numpy())
        return counts.view(steps, samples, height // side, width // side, channels)
    cells = (codes >> 7).view(steps, samples, height // side, side, width // side, side, channels)
    return cells.sum(dim=(3, 5), dtype=torch.uint8)


def pooling_index(shape: tuple[int, int, int], side: int) -> np.ndarray:
    """Pooling window of each neuron of a layer of `shape` (H, W, C): (H * W * C,) int32."""
    height, width, channels = shape
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    index: np.ndarray = (y // side * (width // side) + x // side) * channels + c
    return index.reshape(-1).astype(np.int32)
