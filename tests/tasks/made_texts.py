"""Texts to look into a model with."""

from __future__ import annotations

TEXTS = {
    "classify": "so dull it is",
    "translate": "the dog is so",
    "generate": "a dog\nis so",
    "tag": "Ada met Bob Bell",
    "joint": "Ada met Bob Bell",
}
"""By the name of the task."""
