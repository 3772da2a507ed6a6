"""How well a model does: metrics with intervals, curves, and the slices it serves worst."""
