"""Ids to padded tensors and masks; the only place that pads."""
