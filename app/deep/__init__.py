"""Deep spiking networks on lava-dl, made sparse by SD-SNN and run in fixed point on Lava.

Needs the extra `dl`. Modules import torch and lava-dl inside functions, so that all of them import without it.
"""
