"""Pruning schedules, criteria and masks in NumPy; no Lava."""
