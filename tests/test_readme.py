"""What the README shows, runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

import nlp_lstm
from nlp_lstm.cli.main import command_line
from tests.cli.made_reviews import write_reviews

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
LINES = [
    re.sub(r"\s+#.*", "", line)
    for block in re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    for part in block.split("\n")
    for line in part.split("|")
    if line.strip().startswith("nlp-lstm")
]


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """Work in an empty folder that holds the files the README speaks of, with training cut to two steps."""
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "reviews.csv", 40, seed=0)
    (tmp_path / "big.txt").write_text("one line\nanother\n")
    inner = nlp_lstm.train

    def train(recipe, **options):
        options.pop("minutes", None)
        return inner(recipe, **options, steps=2, settings={"tokenizer.kind": "regex"})

    monkeypatch.setattr(nlp_lstm, "train", train)


def test_the_readme_has_snippets():
    assert len(SNIPPETS) >= 2 and len(LINES) >= 6


def test_the_python_snippets_run_one_after_the_other(quick):
    names: dict[str, object] = {}
    for snippet in SNIPPETS:
        exec(compile(snippet.replace("2})", '2, "tokenizer.kind": "regex"})'), "README.md", "exec"), names)
    assert 0 <= names["done"].reports["test"].accuracy <= 1


@pytest.mark.parametrize("line", LINES)
def test_the_command_lines_parse(line):
    words = shlex.split(line)[1:]
    with command_line.make_context("nlp-lstm", words) as context:
        name, command, rest = command_line.resolve_command(context, words)
        while isinstance(command, click.Group):
            name, command, rest = command.resolve_command(click.Context(command), rest)
        command.make_context(name, rest)
