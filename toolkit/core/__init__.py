"""What every folder speaks: estimates, results with their face, figures, words, and the file of results."""
