"""Read the cells of a table by what was settled. A copy travels with each logged model, so nothing of ours is used."""
