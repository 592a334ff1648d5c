"""Energy of any graph of Lava Processes: exact counts while it runs, then pJ."""

from lavaprune.meter.energy_meter import EnergyMeter

__all__ = ["EnergyMeter"]
