"""Why a model says what it says: attributions, importance, counterfactuals."""
