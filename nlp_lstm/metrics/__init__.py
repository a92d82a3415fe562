"""Sequences of gold and predicted labels to numbers."""
