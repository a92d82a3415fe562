"""A text read in pieces of any size gives the states of the whole."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from nlp_lstm.errors import UsageError
from nlp_lstm.nn.layers import CELLS
from nlp_lstm.stages import state_stream
from nlp_lstm.stages.predictor import Predictor
from tests.tasks.test_tasks import CASES, INSPECTED

TEXT = "so it is dull\n\nAda met  Bob, and York isn't a film.\tdog " * 9 + "the end"


def predictor_of(name: str, cell: str = "lstm", *, both: bool = False) -> Predictor:
    case = CASES[name]
    torch.manual_seed(1)
    settings = case.encoder.model_copy(update={"cell": cell, "bidirectional": both, "hidden_size": 16})
    return Predictor(case.task, case.task.build(settings), {"task": case.kind})


def whole(predictor: Predictor, text: str) -> tuple[tuple[str, ...], np.ndarray, object]:
    """Return tokens and states of a text read at once."""
    probe, stack = predictor.task.probe(predictor.model, text), predictor.model.encoder.stack
    with torch.no_grad():
        inputs = probe.inputs()
        mask = torch.ones(inputs.shape[:2], dtype=torch.bool)
        encoded = stack(inputs, mask, probe.state(), final_state=True)
    return probe.tokens.texts, encoded.states[0].numpy(), encoded.state


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("name", INSPECTED)
@pytest.mark.parametrize("most", [1, 7, 60, 10_000])
def test_pieces_of_any_size_give_the_states_of_the_whole(name, cell, most):
    predictor, draw = predictor_of(name, cell), random.Random(most)
    stream, found, rest = predictor.stream_state(), [], TEXT
    assert stream.state is None
    while rest:
        size = draw.randint(1, most)
        found.append(stream.feed(rest[:size]))
        rest = rest[size:]
    found.append(stream.finish())
    tokens, states, last = whole(predictor, TEXT)
    assert tuple(token for each in found for token in each.tokens) == tokens
    np.testing.assert_allclose(np.concatenate([each.states for each in found]), states, rtol=1e-6, atol=1e-6)
    for ours, theirs in zip(stream.state, last, strict=True):
        torch.testing.assert_close(ours.h, theirs.h, rtol=1e-6, atol=1e-6)
        assert (ours.c is None) is (theirs.c is None)


def test_a_word_is_held_back_until_it_has_ended():
    stream = predictor_of("classify").stream_state()
    assert stream.feed("so it i").tokens == ("so", "it")
    assert stream.feed("s du").tokens == ("is",)
    assert stream.feed("").tokens == ()
    assert stream.feed("ll").tokens == ()
    ended = stream.finish()
    assert ended.tokens == ("dull",) and ended.states.shape == (1, 16)


def test_characters_are_read_at_once():
    stream = predictor_of("generate").stream_state()
    assert stream.feed("so i").tokens == tuple("so i")
    assert stream.finish().states.shape == (0, 16)


def test_a_long_piece_goes_through_the_network_in_parts(monkeypatch):
    predictor = predictor_of("tag chunks")
    expected = whole(predictor, TEXT)[1]
    monkeypatch.setattr(state_stream, "LONGEST_READ", 5)
    stream = predictor.stream_state()
    found = [stream.feed(TEXT).states, stream.finish().states]
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=0, atol=1e-6)


def test_a_text_without_tokens_has_no_states():
    stream = predictor_of("classify").stream_state()
    assert stream.feed(" \n ").tokens == () and stream.finish().tokens == () and stream.state is None


def test_a_model_that_reads_both_ways_is_refused():
    with pytest.raises(UsageError, match=r"^the model reads both ways: a state is known only when the text has ended$"):
        predictor_of("classify", both=True).stream_state()


def test_nothing_follows_the_end():
    stream = predictor_of("classify").stream_state()
    stream.feed("so")
    stream.finish()
    with pytest.raises(UsageError, match=r"^the stream is finished; stream_state\(\) begins another text$"):
        stream.feed("it")
    assert stream.finish().tokens == ()
