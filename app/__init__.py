"""Spiking networks that learn and prune themselves on Lava in fixed point, every synaptic event counted."""
