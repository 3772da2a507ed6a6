"""How a model is explained: seen through to its columns, attributed, sampled, compared, drawn."""
