"""Where runs and models are kept: the only folder that imports mlflow."""
