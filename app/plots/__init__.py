"""Pictures of weights, masks and results."""
