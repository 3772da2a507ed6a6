"""What `toolkit.evaluation` and `toolkit.slices` are made of."""
