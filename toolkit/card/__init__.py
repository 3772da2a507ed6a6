"""The model card: what a reviewer signs."""
