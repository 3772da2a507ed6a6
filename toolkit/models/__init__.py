"""What `toolkit.training` is made of: the candidates, their preprocessing, the folds and the search of settings."""
