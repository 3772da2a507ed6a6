"""Metrics and their intervals, from arrays alone: nothing here knows a table or a model."""
