"""Performance without labels: calibration on the reference, what it makes expected, and the test of its assumption."""
