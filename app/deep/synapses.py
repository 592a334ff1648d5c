"""Weighted sums of spikes and their gradients, for one layer over all steps.

Forward everything is a whole number below 2**24 and therefore exact, in 8-bit integers as in float32 (and in TF32,
which holds the weights' 8 bits). Gradients may run in bfloat16, whose 8 bits hold spikes and weights exactly.

Tensors of spikes are (T, B, H, W, C), which is torch's channels-last layout.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lavaprune.deep.architectures import LayerGeometry

if TYPE_CHECKING:
    import torch


def accumulate(spikes: torch.Tensor, halves: torch.Tensor, layer: LayerGeometry, packed: Any = None) -> torch.Tensor:
    """Sums of halved integer weights over the spikes.

    Parameters
    ----------
    spikes : (T, B, H, W, C) uint8
        Spikes per pooling window.
    halves : float32
        Whole numbers -128 .. 127: (units, C, 3, 3) of a convolution, (units, H * W * C) else.
    packed : object, optional
        The same weights of a dense layer from `pack`.

    Returns
    -------
    (T, B, H' * W' * units) float32
    """
    import torch

    steps, samples = spikes.shape[:2]
    if layer.spec.kind == "conv":
        out = torch.nn.functional.conv2d(_frames(spikes).float(), _conv_weight(halves), padding=1)
        return out.permute(0, 2, 3, 1).reshape(steps, samples, -1)
    rows = spikes.view(steps * samples, -1)
    if packed is not None:
        return _integer_product(rows, packed, len(halves)).view(steps, samples, -1)
    return torch.nn.functional.linear(rows.float(), halves).view(steps, samples, -1)


def gradients(
    spikes: torch.Tensor, halves: torch.Tensor, grad: torch.Tensor, layer: LayerGeometry, to_spikes: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Gradients with respect to `halves` and, where asked, to `spikes`; arguments as in `accumulate`.

    Parameters
    ----------
    grad : (T, B, H' * W' * units) float32

    Returns
    -------
    of_halves : float32, of their shape
    of_spikes : (T, B, H * W * C) float32, or None
    """
    import torch

    steps, samples = spikes.shape[:2]
    kind = torch.bfloat16 if _bfloat16_pays(spikes.device) else torch.float32
    if layer.spec.kind == "conv":
        height, width, units = layer.outputs
        result = grad.to(kind).view(-1, height, width, units).permute(0, 3, 1, 2)
        of_frames, of_halves, _ = _operators().aten.convolution_backward(
            result,
            _frames(spikes).to(kind),
            _conv_weight(halves).to(kind),
            None,
            [1, 1],
            [1, 1],
            [1, 1],
            False,
            [0, 0],
            1,
            [to_spikes, True, False],
        )
        of_spikes = of_frames.permute(0, 2, 3, 1).reshape(steps, samples, -1).float() if to_spikes else None
        return of_halves.float(), of_spikes
    result = grad.to(kind).view(steps * samples, -1)
    rows = spikes.view(steps * samples, -1).to(kind)
    of_halves = (result.t() @ rows).float()
    of_spikes = (result @ halves.to(kind)).float().view(steps, samples, -1) if to_spikes else None
    return of_halves, of_spikes


def _frames(spikes: torch.Tensor) -> torch.Tensor:
    """(T * B, C, H, W) in channels-last layout, without a copy."""
    return spikes.flatten(0, 1).permute(0, 3, 1, 2)


def _conv_weight(halves: torch.Tensor) -> torch.Tensor:
    import torch

    return halves.contiguous(memory_format=torch.channels_last)


def _operators() -> Any:
    """torch's operators by name; what they return is not typed."""
    import torch

    module: Any = torch
    return module.ops


def pack(halves: torch.Tensor) -> Any:
    """Weights of a dense layer for 8-bit integer products, or None where there are none."""
    import torch

    if halves.device.type != "cpu" or not integer_products_work():
        return None
    return _operators().onednn.qlinear_prepack(halves.to(torch.int8), None)


def _integer_product(rows: torch.Tensor, packed: Any, units: int) -> torch.Tensor:
    """Exact product (F, inputs) uint8 x (units, inputs): (F, units) float32, in 8-bit integer units of the CPU."""
    import torch

    ones, zeros = torch.ones(units), torch.zeros(units, dtype=torch.long)
    out: torch.Tensor = _operators().onednn.qlinear_pointwise(
        rows, 1.0, 0, packed, ones, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    return out


@functools.cache
def integer_products_work() -> bool:
    """Whether this machine's torch has 8-bit integer products that are exact; they are many times faster."""
    import torch

    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 5, (7, 300), generator=generator, dtype=torch.uint8)
    halves = torch.randint(-128, 128, (33, 300), generator=generator).float()
    try:
        packed = _operators().onednn.qlinear_prepack(halves.to(torch.int8), None)
        return torch.equal(_integer_product(rows, packed, 33), rows.float() @ halves.t())
    except Exception:  # an operator that another torch names otherwise, or that this CPU lacks
        return False


@functools.cache
def _cpu_has_bfloat16() -> bool:
    """Whether products in bfloat16 are instructions of this CPU; where they are not, they are slow or wrong."""
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8")
        return "avx512_bf16" in flags and bool(_operators().mkldnn._is_mkldnn_bf16_supported())
    except (OSError, AttributeError):
        return False


def _bfloat16_pays(device: torch.device) -> bool:
    """Whether products in bfloat16 are computed in hardware."""
    return device.type == "cuda" or _cpu_has_bfloat16()
