"""Training: the optimizer, the loop that yields its progress, checkpoints and seeds."""
