"""The likeliest text, against all texts there are."""

from __future__ import annotations

from itertools import product

import pytest

from nlp_lstm.config import WritingOptions
from nlp_lstm.errors import UsageError
from tests.tasks.made_writers import make_writer, written

N_TOKENS = 3


def score(writer, moment, ids):
    """Return the log-probability of tokens after a moment, one step at a time."""
    total = 0.0
    for token in ids:
        total += float(moment.log_probs[token])
        moment = writer.take(moment, token).moment
    return total


def all_texts(writer, moment, n_tokens=N_TOKENS):
    tokens = range(len(writer.vocabulary.specials), len(writer.vocabulary))
    return {ids: score(writer, moment, ids) for ids in product(tokens, repeat=n_tokens)}


@pytest.mark.parametrize(
    "sizes", [{}, {"n_layers": 2, "cell": "gru"}, {"cutoffs": [4]}], ids=["lstm", "gru", "adaptive"]
)
def test_a_beam_wide_enough_finds_the_likeliest_of_all_texts(sizes):
    writer = make_writer("words", **sizes)
    moment = writer.read(writer.begin(), "so it")
    scores = all_texts(writer, moment)
    options = WritingOptions(beam=len(writer.vocabulary) ** 2, max_new_tokens=N_TOKENS)
    _, after = written(writer, moment, options)
    found = tuple(after.ids[len(moment.ids) :].tolist())
    assert scores[found] == pytest.approx(max(scores.values()), abs=1e-5)
    step = moment
    for token in found:
        step = writer.take(step, token).moment
    assert after.text == step.text
    assert after.log_probs == pytest.approx(step.log_probs, abs=1e-5)


def test_a_beam_finds_what_is_likelier_than_the_likeliest_token_each_time():
    better = 0
    for seed in range(8):
        writer = make_writer("words", seed=seed)
        moment = writer.begin()
        ids = [
            tuple(written(writer, moment, WritingOptions(max_new_tokens=6, temperature=0, beam=beam))[1].ids.tolist())
            for beam in (1, 20)
        ]
        greedy, searched = (score(writer, moment, each) for each in ids)
        assert searched >= greedy - 1e-5
        better += searched > greedy + 1e-3
    assert better >= 2


def test_the_seed_has_no_say_and_a_stop_string_has():
    writer = make_writer("characters")
    moment = writer.read(writer.begin(), "so")
    text, _ = written(writer, moment, WritingOptions(beam=4, max_new_tokens=12), seed=1)
    assert text == written(writer, moment, WritingOptions(beam=4, max_new_tokens=12), seed=2)[0]
    assert len(text) == 12
    stop = text[5]
    stopped, after = written(writer, moment, WritingOptions(beam=4, max_new_tokens=12, stop=(stop,)))
    assert stopped == text[: text.index(stop)]
    assert after.text == "so" + text[: text.index(stop)]


def test_a_search_can_be_left_before_each_of_its_steps_and_shows_nothing_until_then():
    writer = make_writer("characters")
    moment = writer.read(writer.begin(), "so")
    steps = list(writer.write(moment, WritingOptions(beam=4, max_new_tokens=12), seed=1, longest_run=1))
    assert all(step.piece == "" and step.moment is moment for step in steps[:12])
    assert [len(step.moment.ids) for step in steps[12:]] == [*range(3, 15), 14]
    whole = list(writer.write(moment, WritingOptions(beam=4, max_new_tokens=12), seed=1))
    assert whole[-1].moment.text == steps[-1].moment.text and len(whole) == 12 + 1 + 1


def test_no_run_of_tokens_comes_twice_when_so_asked():
    writer = make_writer("characters")
    text, _ = written(writer, writer.begin(), WritingOptions(beam=3, max_new_tokens=40, no_repeat_ngram=2))
    pairs = [text[place : place + 2] for place in range(len(text) - 1)]
    assert len(pairs) == len(set(pairs)) > 20


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_runs_of_the_prompt_count_too(n):
    writer = make_writer("words")
    moment = writer.read(writer.begin(), "so it goes on so . it goes . on")
    first = moment.ids.tolist()
    options = WritingOptions(beam=len(writer.vocabulary) ** 2, max_new_tokens=N_TOKENS, no_repeat_ngram=n)
    scores = {ids: score for ids, score in all_texts(writer, moment).items() if not repeats(first, [*first, *ids], n)}
    found = tuple(written(writer, moment, options)[1].ids[len(first) :].tolist())
    if n == 1:  # there are only two words left
        assert len(found) == len(writer.vocabulary) - 2 - len(set(first)) == 2
        assert not repeats(first, [*first, *found], 1)
    else:
        assert found == max(scores, key=scores.__getitem__)


def repeats(before, ids, n):
    """Tell whether a run of n tokens that does not end in `before` has come earlier."""
    runs = [tuple(ids[place : place + n]) for place in range(len(ids) - n + 1)]
    return any(runs[place] in runs[:place] for place in range(max(0, len(before) - n + 1), len(runs)))


@pytest.mark.parametrize(
    "options", [{"repetition_penalty": 2.0}, {"frequency_penalty": 0.5}, {"logit_bias": {"e": 1.0}}]
)
def test_what_a_search_cannot_heed_is_refused(options):
    writer = make_writer("characters")
    with pytest.raises(UsageError, match="beam: "):
        writer.write(writer.begin(), WritingOptions(beam=2, **options), seed=1)


def test_nothing_is_written_where_nothing_is_asked_for():
    writer = make_writer("characters")
    assert written(writer, writer.begin(), WritingOptions(beam=2, max_new_tokens=0))[0] == ""
