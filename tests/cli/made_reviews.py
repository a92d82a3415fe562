"""Made reviews whose label is told by one word, and settings for a network that learns them in a second."""

from __future__ import annotations

import random
from pathlib import Path

GOOD, BAD = ["lovely", "kind", "bright", "warm"], ["dull", "cold", "rude", "grim"]
SMALL = [
    "--set=tokenizer.kind=regex",
    "--set=encoder.embed_size=8",
    "--set=encoder.hidden_size=8",
    "--set=training.learning_rate=0.02",
    "--set=training.batch_size=8",
    "--set=training.ema=0.9",
    "--set=training.evaluations=2",
]


def write_reviews(path: Path, n: int, *, seed: int) -> Path:
    """Write a CSV whose label is told by one word of each text."""
    draw = random.Random(seed)
    lines = ["text,label"]
    for i in range(n):
        label, words = ("good", GOOD) if i % 2 else ("bad", BAD)
        filler = [f"w{draw.randrange(30)}" for _ in range(draw.randrange(1, 8))]
        filler.insert(draw.randrange(len(filler) + 1), draw.choice(words))
        lines.append(f"{' '.join(filler)},{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
