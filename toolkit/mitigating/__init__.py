"""Models that pay attention to groups: how they are made, and how their price is measured."""
