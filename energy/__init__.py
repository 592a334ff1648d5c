"""Event counts, cited hardware profiles and the energy estimator in NumPy; no Lava."""
