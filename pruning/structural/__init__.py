"""Structural plasticity for networks in torch: SD-SNN (Han et al. 2022) and baselines; no Lava.

The only part of `lavaprune.pruning` that needs torch. Its modules import torch inside functions, so that all of them
import without it. What is here acts on a torch model between epochs and is therefore no Lava Process.
"""
