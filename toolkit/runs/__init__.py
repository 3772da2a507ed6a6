"""Run templates, publish what they found, and say where it comes from."""
