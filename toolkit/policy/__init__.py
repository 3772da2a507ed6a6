"""Policies over named numbers: gates and decisions."""
