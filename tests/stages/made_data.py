"""Made data whose labels and tags follow from words, and tiny recipes on them."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = ("plot", "actor", "scene", "film", "music", "light", "story", "end")
TELLING = {"good": "fine", "bad": "dull"}
NAMED = (("Ada B-PER",), ("Old B-LOC", "York I-LOC"), ("York B-LOC",))

RECIPE = """
task = "classify"

[data]
train = "train.csv"
dev = "dev.csv"

[tokenizer]
kind = "regex"

[encoder]
embed_size = 8
hidden_size = 8

[training]
steps = 12
batch_size = 8
evaluations = 4
"""

TAG_RECIPE = """
task = "tag"

[data]
train = "train.conll"
dev = "dev.conll"

[tokenizer]
kind = "regex"

[encoder]
embed_size = 16
hidden_size = 16
dropout = 0.1

[head]
character_embed_size = 8
character_size = 16

[training]
steps = 12
batch_size = 8
evaluations = 4
"""

GENERATE_RECIPE = """
task = "generate"

[data]
train = "train.txt"
dev = "dev.txt"

[tokenizer]
kind = "characters"
lowercase = false

[encoder]
embed_size = 8
hidden_size = 16
bidirectional = false

[training]
steps = 12
batch_size = 4
max_tokens = 16
evaluations = 4
"""


JOINT_RECIPE = """
task = "joint"

[head]
character_embed_size = 8
character_size = 16

[head.parts.mood]
task = "classify"

[head.parts.mood.data]
train = "train.csv"
dev = "dev.csv"

[head.parts.names]
task = "tag"

[head.parts.names.data]
train = "train.conll"
dev = "dev.conll"
test = "dev.conll"

[tokenizer]
kind = "regex"

[encoder]
embed_size = 16
hidden_size = 16
dropout = 0.1

[training]
steps = 12
batch_size = 8
evaluations = 4
"""


TINY_TRANSLATOR = {
    "tokenizer.kind": "regex",
    "vocabulary.min_count": 1,
    "encoder.embed_size": 8,
    "encoder.hidden_size": 8,
    "head.embed_size": 8,
    "head.hidden_size": 8,
    "head.beam": 2,
    "training.batch_size": 8,
    "training.learning_rate": 0.02,
    "training.evaluations": 1,
    "training.ema": 0.0,
}


def made_texts(n: int, seed: int) -> list[tuple[str, str]]:
    """Return texts and labels, as many of each: a text with "fine" is good, one with "dull" bad."""
    draw = random.Random(seed)
    made = []
    for number in range(n):
        label = ("good", "bad")[number % 2]
        words = draw.choices(WORDS, k=draw.randint(1, 9))
        words.insert(draw.randrange(len(words) + 1), TELLING[label])
        made.append((" ".join(words), label))
    draw.shuffle(made)
    return made


def made_sentences(n: int, seed: int) -> str:
    """Return sentences as lines of words and tags: "Ada" is a person, "York" and "Old York" are places.

    None holds two of them, as pairs would be too few to learn from.
    """
    draw = random.Random(seed)
    made = []
    for _ in range(n):
        parts = [(f"{word} O",) for word in draw.choices(WORDS, k=draw.randint(1, 7))]
        parts += draw.choices(NAMED, k=draw.randint(0, 1))
        draw.shuffle(parts)
        made.append("".join(f"{line}\n" for part in parts for line in part))
    return "\n".join(made)


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), encoding="utf-8")
    return path


def write_tag_recipe(folder: Path) -> Path:
    folder.mkdir()
    (folder / "train.conll").write_text(made_sentences(120, seed=3), encoding="utf-8")
    (folder / "dev.conll").write_text(made_sentences(60, seed=4), encoding="utf-8")
    path = folder / "tiny.toml"
    path.write_text(TAG_RECIPE, encoding="utf-8")
    return path


def write_joint_recipe(folder: Path) -> Path:
    """Write a recipe of two parts, beside the data of both."""
    write_recipe(folder)
    for split, n, seed in (("train", 120, 3), ("dev", 60, 4)):
        (folder / f"{split}.conll").write_text(made_sentences(n, seed), encoding="utf-8")
    path = folder / "joint.toml"
    path.write_text(JOINT_RECIPE, encoding="utf-8")
    return path


def write_pairs(path: Path) -> Path:
    """Write pairs of words, and the same the other way round."""
    pairs = [(first, second) for first in WORDS for second in ("fine", "dull", "Ada", "York", ".")]
    path.write_text("".join(f"{first} {second}\t{second} {first}\n" for first, second in pairs), encoding="utf-8")
    return path


def write_generate_recipe(folder: Path) -> Path:
    """Write a recipe of a generator, on texts of lines that begin with "so" and end with "goes"."""
    folder.mkdir()
    for split, n, seed in (("train", 40, 3), ("dev", 20, 4)):
        lines = (f"so {text} goes\n" for text, _ in made_texts(n, seed))
        (folder / f"{split}.txt").write_text("".join(lines), encoding="utf-8")
    path = folder / "tiny.toml"
    path.write_text(GENERATE_RECIPE, encoding="utf-8")
    return path


def write_recipe(folder: Path) -> Path:
    folder.mkdir()
    write_csv(folder / "train.csv", made_texts(50, seed=3))
    write_csv(folder / "dev.csv", made_texts(20, seed=4))
    path = folder / "tiny.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path
