"""Sweeps: many configurations on many cores, their results in one Parquet file."""
