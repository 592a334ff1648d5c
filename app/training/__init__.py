"""Training, labelling and evaluation."""
