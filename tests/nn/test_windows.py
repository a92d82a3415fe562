"""The strongest windows against every window written out, forward and backward."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.windows import WIDTHS, strongest_windows

CHARACTERS, FILTERS = 11, 3
WORDS = ([3, 7, 2, 9, 1, 1, 4], [5], [2, 3], [4, 4, 4, 4, 4], [8, 8, 1])


def padded(words) -> torch.Tensor:
    """Return spellings with zeros behind them, int64 (spellings, length)."""
    rows = torch.zeros(len(words), 9, dtype=torch.int64)
    for row, word in zip(rows, words, strict=True):
        row[: len(word)] = torch.tensor(word)
    return rows


@pytest.fixture
def table() -> torch.Tensor:
    """Return random answers to each character at each place of the filters; none to padding."""
    drawn = torch.randn(CHARACTERS, sum(WIDTHS), FILTERS, generator=torch.Generator().manual_seed(0))
    drawn[0] = 0.0
    return drawn.requires_grad_()


def by_hand(table: torch.Tensor, word: list[int]) -> torch.Tensor:
    """Return the strongest answers to one spelling, differentiable, (widths · filters,)."""
    found = []
    for kind, width in enumerate(WIDTHS):
        letters = word + [0] * (width - len(word))
        places = range(sum(WIDTHS[:kind]), sum(WIDTHS[: kind + 1]))
        windows = [letters[first : first + width] for first in range(len(letters) - width + 1)]
        answers = [sum(table[letter, at] for letter, at in zip(each, places, strict=True)) for each in windows]
        found.append(torch.stack(answers).amax(0))
    return torch.cat(found)


def test_answers_are_the_strongest_of_every_window_and_gradients_those_of_the_winners(table):
    weights = torch.randn(len(WORDS), len(WIDTHS) * FILTERS, generator=torch.Generator().manual_seed(1))
    ours = strongest_windows(table, padded(WORDS))
    expected = torch.stack([by_hand(table, word) for word in WORDS])
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)
    (slopes,) = torch.autograd.grad((ours * weights).sum(), table)
    (same,) = torch.autograd.grad((expected * weights).sum(), table)
    assert not slopes[0].any()  # padding learns nothing
    torch.testing.assert_close(slopes[1:], same[1:], rtol=0, atol=1e-5)


def test_a_spelling_comes_out_the_same_to_the_last_bit_whatever_stands_beside_it(table):
    together = strongest_windows(table, padded(WORDS))
    for row, word in enumerate(WORDS):
        assert torch.equal(strongest_windows(table, padded([word]))[0], together[row])


def test_tensors_that_lie_otherwise_in_memory_give_the_same(table):
    expected = strongest_windows(table, padded(WORDS))
    turned = table.detach().transpose(0, 2).contiguous().transpose(0, 2)
    assert torch.equal(strongest_windows(turned, padded(WORDS).T.contiguous().T), expected)


def test_no_gradient_is_asked_for_where_there_is_none(table):
    with torch.inference_mode():
        assert strongest_windows(table, padded(WORDS)).shape == (len(WORDS), len(WIDTHS) * FILTERS)


@pytest.mark.parametrize("character", [CHARACTERS, -1, 10**12])
def test_a_character_that_does_not_exist_is_refused(table, character):
    with pytest.raises(IndexError, match="out of range"):
        strongest_windows(table, padded([[3, 4, character, 5, 6]]))
