"""The wide path: which runs of tokens a text holds, each counted once."""

from __future__ import annotations

import math

import pytest
import torch

from nlp_lstm.nn.ngrams import SCALE, HashedNgrams

N_BUCKETS = 100_003  # a prime: no bit of a hash is left out


def runs(row: list[int], order: int) -> set[tuple[int, ...]]:
    """Return the distinct runs of 2 to `order` tokens of a row."""
    return {tuple(row[i : i + n]) for n in range(2, order + 1) for i in range(len(row) - n + 1)}


def padded(rows: list[list[int]], extra: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask; padding holds 99, which must not matter."""
    width = max(map(len, rows)) + extra
    ids = torch.tensor([row + [99] * (width - len(row)) for row in rows])
    return ids, torch.arange(width) < torch.tensor([[len(row)] for row in rows])


def bucket_of(module: HashedNgrams, run: tuple[int, ...]) -> int:
    """Return the bucket of one run: the one that a text of it alone has beside those of its shorter runs."""
    found = module.buckets(*padded([list(run)]))[0].tolist()
    shorter: set[int] = set()
    if len(run) > 2:
        for part in (run[:-1], run[1:]):
            shorter |= set(module.buckets(*padded([list(part)]))[0].tolist())
    (bucket,) = set(found) - shorter - {N_BUCKETS}
    return bucket


@pytest.fixture
def module() -> HashedNgrams:
    torch.manual_seed(0)
    made = HashedNgrams(3, order=3, n_buckets=N_BUCKETS).eval()
    with torch.no_grad():
        made.weight.normal_()
    return made


ROWS = [[5, 7, 5, 7, 5, 7, 2], [3], [3, 4], [8, 8, 8, 8], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]


def test_a_score_is_the_scaled_sum_over_distinct_runs(module):
    found = module(*padded(ROWS))
    for row, scores in zip(ROWS, found, strict=True):
        buckets = sorted({bucket_of(module, run) for run in runs(row, 3)})
        expected = module.weight[buckets].sum(0) * SCALE / math.sqrt(max(1, len(buckets)))
        torch.testing.assert_close(scores, expected)


def test_a_text_of_one_token_scores_zero(module):
    assert module(*padded([[3], [4]])).abs().max() == 0


def test_neither_padding_nor_neighbours_matter(module):
    whole = module(*padded(ROWS, extra=5))
    for row, scores in zip(ROWS, whole, strict=True):
        torch.testing.assert_close(module(*padded([row]))[0], scores)


def test_different_runs_hardly_ever_share_a_bucket(module):
    grid = torch.cartesian_prod(torch.arange(60), torch.arange(60))
    buckets = {row[0] for row in module.buckets(grid, torch.ones_like(grid, dtype=torch.bool)).tolist()}
    expected = N_BUCKETS * (1 - (1 - 1 / N_BUCKETS) ** len(grid))  # of balls thrown at random
    assert len(buckets) == pytest.approx(expected, rel=0.01)


def test_order_matters_and_length_too(module):
    one, other = (module.buckets(*padded([row]))[0].tolist() for row in ([3, 4], [4, 3]))
    assert one != other
    assert bucket_of(module, (0, 0, 3)) != bucket_of(module, (0, 3))


def test_dropout_acts_in_training_alone_and_keeps_the_mean():
    torch.manual_seed(0)
    module = HashedNgrams(1, order=2, n_buckets=N_BUCKETS, dropout=0.5)
    with torch.no_grad():
        module.weight.fill_(1.0)
    row = [list(range(2000))]
    exact = module.eval()(*padded(row)).item()
    dropped = module.train()(*padded(row)).item()
    assert dropped != exact
    assert dropped == pytest.approx(exact, rel=0.15)  # 6 standard deviations of 2,000 coins


def test_only_the_runs_that_are_there_get_a_gradient(module):
    ids, mask = padded([[3, 4, 5]], extra=3)
    module(ids, mask).sum().backward()
    touched = set(module.weight.grad.abs().sum(1).nonzero().flatten().tolist())
    assert touched == {bucket_of(module, run) for run in runs([3, 4, 5], 3)}


def test_single_tokens_are_no_runs():
    with pytest.raises(ValueError, match="at least 2 tokens, got 1"):
        HashedNgrams(2, order=1, n_buckets=8)
