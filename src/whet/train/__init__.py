"""Training: the heads and loops that change weights."""
