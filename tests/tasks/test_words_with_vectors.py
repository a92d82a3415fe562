"""Words that a tagger or a classifier knows by their vectors alone."""

from __future__ import annotations

import pytest

from nlp_lstm.config import VocabularySettings
from nlp_lstm.records.examples import Example, TaggedSentence
from nlp_lstm.tasks.classify import Classify
from nlp_lstm.tasks.tag import Tag
from nlp_lstm.text.regex_words import RegexWords

EXAMPLES = {
    Tag: [TaggedSentence.of_words(["Ada", "saw", "Ada"], ["B-PER", "O", "B-PER"])],
    Classify: [Example("Ada saw Ada", "good", "made.csv", 2)],
}


@pytest.mark.parametrize("task", EXAMPLES)
@pytest.mark.parametrize(
    ("lowercase", "limit", "known"),
    [
        (True, 50_000, {"ada", "paris", "lisbon"}),
        (False, 50_000, {"Ada", "Paris", "paris", "Lisbon"}),
        (True, 1, {"ada", "paris"}),
        (True, 0, {"ada"}),
    ],
)
def test_the_first_words_of_the_file_are_known_as_the_model_looks_them_up(tmp_path, task, lowercase, limit, known):
    path = tmp_path / "vectors.txt"
    path.write_text("Paris 1 2\nparis 3 4\nLisbon 5 6\n")
    tokenizer = RegexWords(lowercase=lowercase)
    tokens = task.tokenize(EXAMPLES[task], tokenizer, cache=None)
    settings = VocabularySettings(vectors=str(path), vector_words=limit)  # `saw` is too rare
    vocabulary = next(iter(task.build_vocabularies(tokens, tokenizer, settings).values()))
    assert set(vocabulary.tokens) - set(vocabulary.specials) == known
