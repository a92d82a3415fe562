"""Sums over tag sequences against every sequence written out; in weights, and in logarithms where weights fail."""

from __future__ import annotations

from itertools import pairwise, product
from math import exp, fsum, log

import pytest
import torch

from nlp_lstm.nn import chain
from nlp_lstm.nn.chain import Chain, Lattice, sum_paths

NEVER = float("-inf")
LENGTHS = (5, 1, 3, 2)
TIME, TAGS = 6, 3


@pytest.fixture(params=["weights", "logarithms"])
def way(request, monkeypatch) -> str:
    """Sum in one of the two ways, and fail where the other one is taken."""

    def refuse(lattice: Lattice) -> None:
        raise AssertionError("summed in logarithms")

    if request.param == "weights":
        monkeypatch.setattr(chain, "_sum_in_logarithms", refuse)
    else:
        monkeypatch.setattr(chain, "_sum_scaled", lambda lattice: None)
    return request.param


@pytest.fixture
def in_logarithms(monkeypatch) -> list[Lattice]:
    """Return a list that grows with each batch that is summed in logarithms."""
    seen: list[Lattice] = []
    slow = chain._sum_in_logarithms
    monkeypatch.setattr(chain, "_sum_in_logarithms", lambda lattice: seen.append(lattice) or slow(lattice))
    return seen


def drawn(lengths=LENGTHS, *, time=TIME, tags=TAGS, seed=0, scale=1.0) -> tuple[torch.Tensor, Chain, torch.Tensor]:
    """Return random emissions, scores and a mask; each row has sequences, though some moves are forbidden."""
    generator = torch.Generator().manual_seed(seed)
    emissions = torch.randn(len(lengths), time, tags, generator=generator) * scale
    start, move, end = (torch.randn(size, generator=generator) for size in ((tags,), (tags, tags), (tags,)))
    start[-1] = end[1] = move[0, 1] = move[2, 0] = NEVER
    return emissions, Chain(start, move, end), torch.arange(time) < torch.tensor(lengths).unsqueeze(1)


def paths_of(emissions, scores: Chain) -> dict[tuple[int, ...], float]:
    """Return the score of each allowed sequence of one row without padding."""
    start, move, end = (part.tolist() for part in scores)
    found = {}
    for path in product(range(len(start)), repeat=len(emissions)):
        parts = [start[path[0]], end[path[-1]], *(move[a][b] for a, b in pairwise(path))]
        parts += [float(emission[tag]) for emission, tag in zip(emissions, path, strict=True)]
        if min(parts) > NEVER:
            found[path] = fsum(parts)
    return found


def log_sum(scores) -> float:
    """Return the logarithm of the summed exponentials."""
    scores = list(scores)
    return max(scores) + log(fsum(exp(score - max(scores)) for score in scores))


def total_by_recursion(emissions, scores: Chain) -> float:
    """Return the log total of one row, step by step in logarithms of doubles."""
    start, move, end = (part.double() for part in scores)
    left = start + emissions[0]
    for emission in emissions[1:].double():
        left = torch.stack([torch.logsumexp(left + move[:, tag], 0) for tag in range(len(start))]) + emission
    return float(torch.logsumexp(left + end, 0))


def near(ours: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(ours, expected.to(ours.dtype), rtol=tolerance, atol=tolerance)


# ---- the lattice ----


def test_a_lattice_has_the_boundary_at_padding_and_beginnings_and_ends_as_moves():
    emissions = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [float("nan"), 8.0]]])
    scores = Chain(torch.tensor([10.0, NEVER]), torch.tensor([[11.0, 12.0], [NEVER, 13.0]]), torch.tensor([14.0, 15.0]))
    lattice = Lattice.build(emissions, scores, torch.tensor([[True, True], [True, False]]))
    assert lattice.scores.dtype == lattice.moves.dtype == torch.float64
    assert lattice.scores.tolist() == [
        [[1.0, 2.0, NEVER], [5.0, 6.0, NEVER]],
        [[3.0, 4.0, NEVER], [NEVER, NEVER, 0.0]],
    ]
    assert lattice.moves.tolist() == [[11.0, 12.0, 14.0], [NEVER, 13.0, 15.0], [10.0, NEVER, 0.0]]


def test_a_bounded_sequence_and_its_score_come_out_as_done_by_hand():
    scores = Chain(torch.tensor([10.0, 20.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([100.0, 200.0]))
    emissions = torch.tensor([[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], [[0.7, 0.8], [9e9, 9e9], [9e9, 9e9]]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    lattice = Lattice.build(emissions, scores, mask)
    bounded = lattice.bounded(torch.tensor([[1, 0, 1], [0, -100, 77]]), mask)
    assert bounded.T.tolist() == [[2, 1, 0, 1, 2], [2, 0, 2, 2, 2]]
    places = lattice.places(bounded)
    assert places.T.tolist() == [[7, 3, 1, 5], [6, 2, 8, 8]]
    near(lattice.score(bounded, places), torch.tensor([20 + 0.2 + 3 + 0.3 + 2 + 0.6 + 200, 10 + 0.7 + 100]), 1e-6)


# ---- truth: every sequence ----


@pytest.mark.parametrize("seed", range(3))
def test_totals_and_shares_of_tags_are_those_of_all_sequences(way, seed):
    emissions, scores, mask = drawn(seed=seed)
    sums = sum_paths(Lattice.build(emissions, scores, mask))
    row_weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    shares = sums.tags(row_weights)
    assert shares.shape == (TIME, len(LENGTHS), TAGS + 1)
    for row, length in enumerate(LENGTHS):
        paths = paths_of(emissions[row, :length], scores)
        total = log_sum(paths.values())
        assert float(sums.log_total[row]) == pytest.approx(total, abs=1e-12)
        expected = torch.zeros(TIME, TAGS + 1, dtype=torch.float64)
        expected[length:, TAGS] = 1.0
        for path, score in paths.items():
            expected[range(length), path] += exp(score - total)
        near(shares[:, row], expected * row_weights[row])


@pytest.mark.parametrize("seed", range(3))
def test_expected_moves_are_those_of_all_sequences_beginnings_and_ends_included(way, seed):
    emissions, scores, mask = drawn(seed=seed)
    row_weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    expected = torch.zeros(TAGS + 1, TAGS + 1, dtype=torch.float64)
    for row, length in enumerate(LENGTHS):
        paths = paths_of(emissions[row, :length], scores)
        for path, score in paths.items():
            for before, after in pairwise((TAGS, *path, TAGS)):
                expected[before, after] += row_weights[row] * exp(score - log_sum(paths.values()))
        expected[TAGS, TAGS] += row_weights[row] * (TIME - length)  # it stays at the boundary
    near(sum_paths(Lattice.build(emissions, scores, mask)).moves(row_weights), expected)


def test_the_share_of_each_move_of_a_sequence_is_that_of_all_sequences_and_zero_at_padding(way):
    emissions, scores, mask = drawn()
    sums = sum_paths(Lattice.build(emissions, scores, mask))
    for seed in range(4):
        tags = torch.randint(TAGS, mask.shape, generator=torch.Generator().manual_seed(seed))
        expected = torch.zeros(len(LENGTHS), TIME - 1, dtype=torch.float64)
        for row, length in enumerate(LENGTHS):
            paths = paths_of(emissions[row, :length], scores)
            for step in range(length - 1):
                wanted = tuple(tags[row, step : step + 2].tolist())
                shares = [
                    exp(s - log_sum(paths.values())) for path, s in paths.items() if path[step : step + 2] == wanted
                ]
                expected[row, step] = fsum(shares)
        near(sums.along(tags), expected)


def test_a_row_of_one_token_in_a_batch_of_that_width_has_no_moves_between_tokens(way):
    emissions, scores, mask = drawn((1, 1), time=1)
    sums = sum_paths(Lattice.build(emissions, scores, mask))
    assert sums.along(torch.zeros(2, 1, dtype=torch.int64)).shape == (2, 0)
    start, _, end = scores
    near(sums.log_total, torch.logsumexp((start + emissions[:, 0] + end).double(), -1), 1e-6)


# ---- the two ways agree ----


def test_both_ways_agree_on_ordinary_input(monkeypatch):
    lengths = (41, 7, 40, 1, 23)
    emissions, scores, mask = drawn(lengths, time=41, tags=17, scale=5.0)
    lattice = Lattice.build(emissions, scores, mask)
    fast, slow = chain._sum_scaled(lattice), chain._sum_in_logarithms(lattice)
    row_weights = torch.rand(5, dtype=torch.float64)
    tags = torch.randint(17, mask.shape, generator=torch.Generator().manual_seed(0))
    near(fast.log_total, slow.log_total)
    near(fast.tags(row_weights), slow.tags(row_weights))
    near(fast.moves(row_weights), slow.moves(row_weights))
    near(fast.along(tags), slow.along(tags))


@pytest.mark.parametrize("length", [1_200, 5_000])
def test_long_rows_stay_finite_and_equal_a_recursion_in_logarithms(length, in_logarithms):
    emissions, scores, mask = drawn((length, length // 3, 1), time=length, tags=5, scale=8.0)
    sums = sum_paths(Lattice.build(emissions, scores, mask))
    for row, real in enumerate((length, length // 3, 1)):
        total = total_by_recursion(emissions[row, :real], scores)
        assert float(sums.log_total[row]) == pytest.approx(total, rel=1e-13, abs=1e-9)
    shares = sums.tags(torch.ones(3, dtype=torch.float64))
    near(shares.sum(-1), torch.ones(length, 3), 1e-9)
    near(sums.moves(torch.ones(3, dtype=torch.float64)).sum(), torch.tensor(3.0 * (length + 1)), 1e-9)
    assert not in_logarithms  # weights could hold it


# ---- what weights cannot hold ----


def two_worlds(middle: float) -> tuple[torch.Tensor, Chain]:
    """Return a row whose tag 0 is best early and tag 1 late, by far, and tag 2 `middle` all along; none may change."""
    emissions = torch.full((1, 80, 3), middle)
    emissions[0, :40, 0] = emissions[0, 40:, 1] = 0.0
    emissions[0, 40:, 0] = emissions[0, :40, 1] = -60.0
    move = torch.full((3, 3), NEVER).fill_diagonal_(0.0)
    return emissions, Chain(torch.zeros(3), move, torch.zeros(3))


@pytest.mark.parametrize(("middle", "total"), [(-50.0, -2400 + log(2)), (-25.0, -2000.0)])
def test_sequences_that_both_directions_lose_on_their_way_are_found_in_logarithms(middle, total, in_logarithms):
    # In the middle the forward sums hold tag 0 alone and the backward ones tag 1 alone: at the ends both give −2400.
    emissions, scores = two_worlds(middle)
    sums = sum_paths(Lattice.build(emissions, scores, torch.ones(1, 80, dtype=torch.bool)))
    assert len(in_logarithms) == 1
    assert float(sums.log_total) == pytest.approx(total, abs=1e-9)
    shares = sums.tags(torch.ones(1, dtype=torch.float64))[:, 0]
    near(shares, torch.tensor([0.5, 0.5, 0.0, 0.0] if middle == -50.0 else [0.0, 0.0, 1.0, 0.0]).expand(80, 4), 1e-9)


def test_a_weight_too_small_for_all_digits_of_a_double_is_summed_in_logarithms(in_logarithms):
    # The only sequences pass a tag 740 nats below the best one, where a double has two digits left.
    emissions = torch.tensor([[[0.0, -740.0, -740.5]]])
    scores = Chain(torch.tensor([NEVER, 0.0, 0.0]), torch.zeros(3, 3), torch.zeros(3))
    sums = sum_paths(Lattice.build(emissions, scores, torch.ones(1, 1, dtype=torch.bool)))
    assert len(in_logarithms) == 1
    near(sums.log_total, torch.tensor([log_sum([-740.0, -740.5])], dtype=torch.float64))


def test_a_move_too_small_for_all_digits_of_a_double_is_summed_in_logarithms(in_logarithms):
    emissions = torch.zeros(1, 2, 2)
    scores = Chain(torch.zeros(2), torch.tensor([[-740.0, -740.5], [NEVER, NEVER]]), torch.zeros(2))
    sums = sum_paths(Lattice.build(emissions, scores, torch.ones(1, 2, dtype=torch.bool)))
    assert len(in_logarithms) == 1
    near(sums.log_total, torch.tensor([log_sum([-740.0, -740.5])], dtype=torch.float64))


@pytest.mark.parametrize("size", [1e3, 1e4, 1e30])
@pytest.mark.parametrize("place", ["emissions", "start", "move", "end"])
def test_scores_of_any_size_are_summed_as_every_sequence_is(size, place, in_logarithms):
    emissions, scores, mask = drawn()
    if place == "emissions":
        emissions = emissions * size
    else:
        scores = scores._replace(**{place: getattr(scores, place) * size})
    sums = sum_paths(Lattice.build(emissions, scores, mask))
    shares = sums.tags(torch.ones(4, dtype=torch.float64))
    assert len(in_logarithms) == 1
    for row, length in enumerate(LENGTHS):
        paths = paths_of(emissions[row, :length], scores)
        assert float(sums.log_total[row]) == pytest.approx(log_sum(paths.values()), rel=1e-12)
        best = max(paths, key=paths.get)
        assert float(shares[range(length), row, best].min()) > 0.2  # nearly all of the weight is one sequence's


def test_scores_that_are_the_same_for_every_tag_of_a_token_stay_with_weights(in_logarithms):
    emissions, scores, mask = drawn()
    shift = torch.linspace(-300, 300, TIME).view(1, TIME, 1)
    plain = sum_paths(Lattice.build(emissions, scores, mask))
    moved = sum_paths(Lattice.build(emissions + shift, scores, mask))
    assert not in_logarithms
    near(moved.log_total, plain.log_total + (shift[..., 0] * mask).sum(1), 1e-5)
    near(moved.tags(torch.ones(4).double()), plain.tags(torch.ones(4).double()), 1e-4)  # float32 rounds at 300


# ---- padding ----


@pytest.mark.parametrize("filling", [1e30, -1e30, float("inf"), NEVER, float("nan")])
def test_what_stands_at_padding_changes_nothing(filling):
    emissions, scores, mask = drawn()
    row_weights = torch.rand(4, dtype=torch.float64)
    tags = torch.randint(TAGS, mask.shape, generator=torch.Generator().manual_seed(0))
    clean = sum_paths(Lattice.build(emissions.masked_fill(~mask.unsqueeze(-1), 0.0), scores, mask))
    dirty = sum_paths(Lattice.build(emissions.masked_fill(~mask.unsqueeze(-1), filling), scores, mask))
    near(dirty.log_total, clean.log_total)
    near(dirty.tags(row_weights), clean.tags(row_weights))
    near(dirty.moves(row_weights), clean.moves(row_weights))
    near(dirty.along(tags), clean.along(tags))


def test_a_short_row_may_end_where_no_tag_may_follow(way):
    # After tag 1 nothing may come: two tokens are the most there can be, and padding must not be read as a third.
    move = torch.tensor([[NEVER, 0.5], [NEVER, NEVER]])
    scores = Chain(torch.tensor([0.0, 1.0]), move, torch.tensor([NEVER, 0.25]))
    emissions, mask = torch.zeros(2, 20, 2), torch.zeros(2, 20, dtype=torch.bool)
    mask[0, :2] = mask[1, :1] = True
    sums = sum_paths(Lattice.build(emissions, scores, mask))
    near(sums.log_total, torch.tensor([0.75, 1.25]))
    assert bool(sums.moves(torch.ones(2, dtype=torch.float64)).isfinite().all())
