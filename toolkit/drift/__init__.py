"""What changed between two tables, and what of it matters."""
