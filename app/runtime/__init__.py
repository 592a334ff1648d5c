"""Running a network: engines, their supervision and the watchdog."""
