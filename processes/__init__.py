"""Lava Processes: ports, variables and invariants. What a thing is."""
