"""Which of two is better: two models on the same rows, and two arms of a trial."""
