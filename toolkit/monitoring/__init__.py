"""Models in use: performance without labels, fairness over time."""
