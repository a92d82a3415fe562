"""The sample data in `data/reverse` is what its README says it is."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "reverse"
SPLITS = {"train": 2000, "dev": 100, "test": 200}


def pairs(split: str) -> list[tuple[str, str]]:
    """Return the pairs of a split."""
    content = (FOLDER / f"{split}.tsv").read_bytes().decode("ascii")
    assert content.endswith("\n")
    found = [tuple(line.split("\t")) for line in content[:-1].split("\n")]
    return [(source, target) for source, target in found]


def test_every_translation_is_its_sequence_turned_round():
    for split, count in SPLITS.items():
        assert len(pairs(split)) == count
        for source, target in pairs(split):
            assert target.split(" ") == source.split(" ")[::-1]
            assert re.fullmatch(r"[a-z0-9](?: [a-z0-9]){1,9}", source)


def test_no_sequence_comes_twice():
    sources = [source for split in SPLITS for source, _ in pairs(split)]
    assert len(set(sources)) == len(sources) == 2300


def test_the_lines_of_the_readme_make_the_files(tmp_path, monkeypatch):
    (lines,) = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    for split in SPLITS:
        assert (tmp_path / f"{split}.tsv").read_bytes() == (FOLDER / f"{split}.tsv").read_bytes()


def test_the_counts_of_the_readme_are_those_of_the_files():
    rows = re.findall(r"\| (train|dev|test) \| (\d+) \|", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert {split: int(count) for split, count in rows} == SPLITS
