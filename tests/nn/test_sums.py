"""Sums over tag sequences against every sequence written out: as weights in two ways, and as logarithms."""

from __future__ import annotations

from itertools import pairwise, product
from math import exp, fsum, log

import pytest
import torch

from nlp_lstm.nn import sums as sums_module
from nlp_lstm.nn.chain import Chain
from nlp_lstm.nn.lattice import Lattice, sum_in_logarithms, sum_scaled
from nlp_lstm.nn.loops import sum_in_loops
from nlp_lstm.nn.sums import sum_paths

NEVER = float("-inf")
LENGTHS = (5, 1, 3, 2)
TIME, TAGS = 6, 3
WEIGHTS = {"loops": sum_in_loops, "tensors": lambda *batch: sum_scaled(Lattice.build(*batch))}
WAYS = {**WEIGHTS, "logarithms": lambda *batch: sum_in_logarithms(Lattice.build(*batch))}


@pytest.fixture(params=WAYS)
def way(request):
    """Return one way to sum: a function from emissions, scores and mask to the sums."""
    return WAYS[request.param]


@pytest.fixture(params=WEIGHTS)
def weights(request):
    """Return one way to sum as weights, which gives nothing where these cannot hold what matters."""
    return WEIGHTS[request.param]


@pytest.fixture
def in_logarithms(monkeypatch) -> list[Lattice]:
    """Return a list that grows with each batch that is summed in logarithms."""
    seen: list[Lattice] = []
    monkeypatch.setattr(sums_module, "sum_in_logarithms", lambda each: seen.append(each) or sum_in_logarithms(each))
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


# ---- truth: every sequence ----


@pytest.mark.parametrize("seed", range(3))
def test_totals_and_shares_of_tags_are_those_of_all_sequences(way, seed):
    emissions, scores, mask = drawn(seed=seed)
    sums = way(emissions, scores, mask)
    shares = sums.shares()
    assert shares.shape == emissions.shape
    assert shares.dtype == sums.log_total.dtype == torch.float64
    for row, length in enumerate(LENGTHS):
        paths = paths_of(emissions[row, :length], scores)
        total = log_sum(paths.values())
        assert float(sums.log_total[row]) == pytest.approx(total, abs=1e-12)
        expected = torch.zeros(TIME, TAGS, dtype=torch.float64)
        for path, score in paths.items():
            expected[range(length), path] += exp(score - total)
        near(shares[row], expected)


@pytest.mark.parametrize("seed", range(3))
def test_the_log_prob_of_a_sequence_is_that_among_all_and_minus_infinity_where_it_is_forbidden(way, seed):
    emissions, scores, mask = drawn(seed=seed)
    tags = torch.randint(TAGS, mask.shape, generator=torch.Generator().manual_seed(seed))
    found = way(emissions, scores, mask).log_prob(tags.masked_fill(~mask, -100))
    assert found.dtype == torch.float64
    for row, length in enumerate(LENGTHS):
        paths = paths_of(emissions[row, :length], scores)
        wanted = paths.get(tuple(tags[row, :length].tolist()), NEVER)
        assert float(found[row]) == pytest.approx(wanted - log_sum(paths.values()), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_slopes_are_what_is_there_less_what_is_expected_over_all_sequences(way, seed):
    emissions, scores, mask = drawn(seed=seed)
    row_weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    tags = torch.randint(TAGS, mask.shape, generator=torch.Generator().manual_seed(seed))
    expected = torch.zeros(len(LENGTHS), TIME, TAGS, dtype=torch.float64)
    moves = torch.zeros(TAGS + 1, TAGS + 1, dtype=torch.float64)  # before and behind a row stands one more tag
    for row, length in enumerate(LENGTHS):
        paths = paths_of(emissions[row, :length], scores)
        total = log_sum(paths.values())
        shares = [(path, -exp(score - total)) for path, score in paths.items()]
        for path, share in [*shares, (tuple(tags[row, :length].tolist()), 1.0)]:
            expected[row, range(length), path] += row_weights[row] * share
            for before, after in pairwise((TAGS, *path, TAGS)):
                moves[before, after] += row_weights[row] * share
    slopes = way(emissions, scores, mask).slopes(tags.masked_fill(~mask, -100), row_weights)
    assert slopes.emissions.dtype == slopes.chain.move.dtype == torch.float32
    near(slopes.emissions, expected, 1e-6)
    near(slopes.chain.start, moves[TAGS, :TAGS], 1e-6)
    near(slopes.chain.move, moves[:TAGS, :TAGS], 1e-6)
    near(slopes.chain.end, moves[:TAGS, TAGS], 1e-6)


def test_the_share_of_each_move_of_a_sequence_is_that_of_all_sequences_and_zero_at_padding(way):
    emissions, scores, mask = drawn()
    sums = way(emissions, scores, mask)
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
    sums = way(emissions, scores, mask)
    assert sums.along(torch.zeros(2, 1, dtype=torch.int64)).shape == (2, 0)
    start, _, end = scores
    near(sums.log_total, torch.logsumexp((start + emissions[:, 0] + end).double(), -1), 1e-6)


@pytest.mark.parametrize("tag", [TAGS, -1, 10**12])
def test_a_tag_that_does_not_exist_is_refused_and_no_memory_is_read_for_it(tag):
    emissions, scores, mask = drawn()
    tags = torch.zeros(mask.shape, dtype=torch.int64)
    tags[0, 4] = tag
    with pytest.raises(IndexError, match="out of range"):
        sum_in_loops(emissions, scores, mask).log_prob(tags)


# ---- the ways agree ----


@pytest.mark.parametrize("tags", [2, 3, 4, 5, 8, 17, 33])
def test_all_ways_agree_on_ordinary_input(tags):
    lengths = (41, 7, 40, 1, 23)
    emissions, scores, mask = drawn(lengths, time=41, tags=max(tags, 3), scale=5.0)
    row_weights = torch.rand(5, dtype=torch.float64)
    path = torch.randint(tags, mask.shape, generator=torch.Generator().manual_seed(0))
    loops, *others = (way(emissions, scores, mask) for way in WAYS.values())
    for other in others:
        near(loops.log_total, other.log_total)
        near(loops.shares(), other.shares())
        near(loops.along(path), other.along(path))
        near(loops.log_prob(path), other.log_prob(path))
        ours, theirs = loops.slopes(path, row_weights), other.slopes(path, row_weights)
        near(ours.emissions, theirs.emissions, 1e-6)
        for part, same in zip(ours.chain, theirs.chain, strict=True):
            near(part, same, 1e-6)


@pytest.mark.parametrize("length", [1_200, 5_000])
def test_long_rows_stay_finite_and_equal_a_recursion_in_logarithms(length, weights):
    emissions, scores, mask = drawn((length, length // 3, 1), time=length, tags=5, scale=8.0)
    sums = weights(emissions, scores, mask)
    assert sums is not None  # weights could hold it
    for row, real in enumerate((length, length // 3, 1)):
        total = total_by_recursion(emissions[row, :real], scores)
        assert float(sums.log_total[row]) == pytest.approx(total, rel=1e-13, abs=1e-9)
    near(sums.shares().sum(-1), mask.double(), 1e-9)
    tags = torch.zeros(3, length, dtype=torch.int64)
    expected = sums.slopes(tags, torch.ones(3, dtype=torch.float64)).chain.move
    assert float(expected.sum()) == pytest.approx(0.0, abs=1e-2)  # float32: as many moves are there as are expected


def test_a_row_comes_out_the_same_to_the_last_bit_whatever_stands_beside_it():
    emissions, scores, mask = drawn((9, 40, 23), time=40, tags=17)
    together = sum_in_loops(emissions, scores, mask)
    for row, length in enumerate((9, 40, 23)):
        alone = sum_in_loops(emissions[row : row + 1, :length], scores, mask[row : row + 1, :length])
        assert torch.equal(alone.log_total[0], together.log_total[row])
        assert torch.equal(alone.shares()[0], together.shares()[row, :length])


def test_tensors_that_lie_otherwise_in_memory_give_the_same():
    emissions, scores, mask = drawn()
    expected = sum_in_loops(emissions, scores, mask)
    turned = Chain(scores.start, scores.move.T.contiguous().T, scores.end)
    spread = sum_in_loops(emissions.transpose(0, 1).contiguous().transpose(0, 1), turned, mask)
    tags = torch.zeros(TIME, len(LENGTHS), dtype=torch.int64).T
    near(spread.shares(), expected.shares(), 0)
    near(spread.log_prob(tags), expected.log_prob(tags.contiguous()), 0)


# ---- what weights cannot hold ----


def two_worlds(middle: float) -> tuple[torch.Tensor, Chain]:
    """Return a row whose tag 0 is best early and tag 1 late, by far, and tag 2 `middle` all along; none may change."""
    emissions = torch.full((1, 80, 3), middle)
    emissions[0, :40, 0] = emissions[0, 40:, 1] = 0.0
    emissions[0, 40:, 0] = emissions[0, :40, 1] = -60.0
    move = torch.full((3, 3), NEVER).fill_diagonal_(0.0)
    return emissions, Chain(torch.zeros(3), move, torch.zeros(3))


@pytest.mark.parametrize(("middle", "total"), [(-50.0, -2400 + log(2)), (-25.0, -2000.0)])
def test_sequences_that_both_directions_lose_on_their_way_are_found_in_logarithms(
    middle, total, weights, in_logarithms
):
    # In the middle the forward sums hold tag 0 alone and the backward ones tag 1 alone: at the ends both give −2400.
    emissions, scores = two_worlds(middle)
    mask = torch.ones(1, 80, dtype=torch.bool)
    assert weights(emissions, scores, mask) is None
    sums = sum_paths(emissions, scores, mask)
    assert len(in_logarithms) == 1
    assert float(sums.log_total) == pytest.approx(total, abs=1e-9)
    near(sums.shares()[0], torch.tensor([0.5, 0.5, 0.0] if middle == -50.0 else [0.0, 0.0, 1.0]).expand(80, 3), 1e-9)


def test_a_weight_too_small_for_all_digits_of_a_double_is_summed_in_logarithms(weights):
    # The only sequences pass a tag 740 nats below the best one, where a double has two digits left.
    emissions = torch.tensor([[[0.0, -740.0, -740.5]]])
    scores = Chain(torch.tensor([NEVER, 0.0, 0.0]), torch.zeros(3, 3), torch.zeros(3))
    mask = torch.ones(1, 1, dtype=torch.bool)
    assert weights(emissions, scores, mask) is None
    sums = sum_paths(emissions, scores, mask)
    near(sums.log_total, torch.tensor([log_sum([-740.0, -740.5])], dtype=torch.float64))


def test_a_move_too_small_for_all_digits_of_a_double_is_summed_in_logarithms(weights):
    emissions = torch.zeros(1, 2, 2)
    scores = Chain(torch.zeros(2), torch.tensor([[-740.0, -740.5], [NEVER, NEVER]]), torch.zeros(2))
    mask = torch.ones(1, 2, dtype=torch.bool)
    assert weights(emissions, scores, mask) is None
    sums = sum_paths(emissions, scores, mask)
    near(sums.log_total, torch.tensor([log_sum([-740.0, -740.5])], dtype=torch.float64))


@pytest.mark.parametrize("size", [1e3, 1e4, 1e30])
@pytest.mark.parametrize("place", ["emissions", "start", "move", "end"])
def test_scores_of_any_size_are_summed_as_every_sequence_is(size, place, weights, in_logarithms):
    emissions, scores, mask = drawn()
    if place == "emissions":
        emissions = emissions * size
    else:
        scores = scores._replace(**{place: getattr(scores, place) * size})
    assert weights(emissions, scores, mask) is None
    sums = sum_paths(emissions, scores, mask)
    assert len(in_logarithms) == 1
    for row, length in enumerate(LENGTHS):
        paths = paths_of(emissions[row, :length], scores)
        assert float(sums.log_total[row]) == pytest.approx(log_sum(paths.values()), rel=1e-12)
        best = max(paths, key=paths.get)
        assert float(sums.shares()[row, range(length), best].min()) > 0.2  # nearly all of the weight is one sequence's


def test_scores_that_are_the_same_for_every_tag_of_a_token_stay_with_weights(weights):
    emissions, scores, mask = drawn()
    shift = torch.linspace(-300, 300, TIME).view(1, TIME, 1)
    plain, moved = weights(emissions, scores, mask), weights(emissions + shift, scores, mask)
    near(moved.log_total, plain.log_total + (shift[..., 0] * mask).sum(1), 1e-5)
    near(moved.shares(), plain.shares(), 1e-4)  # float32 rounds at 300


# ---- padding ----


@pytest.mark.parametrize("filling", [1e30, -1e30, float("inf"), NEVER, float("nan")])
def test_what_stands_at_padding_changes_nothing(way, filling):
    emissions, scores, mask = drawn()
    row_weights = torch.rand(4, dtype=torch.float64)
    tags = torch.randint(TAGS, mask.shape, generator=torch.Generator().manual_seed(0))
    clean = way(emissions.masked_fill(~mask.unsqueeze(-1), 0.0), scores, mask)
    dirty = sum_paths(emissions.masked_fill(~mask.unsqueeze(-1), filling), scores, mask)
    near(dirty.log_total, clean.log_total)
    near(dirty.shares(), clean.shares())
    near(dirty.along(tags), clean.along(tags))
    near(dirty.slopes(tags, row_weights).emissions, clean.slopes(tags, row_weights).emissions, 1e-6)
    near(dirty.slopes(tags, row_weights).chain.move, clean.slopes(tags, row_weights).chain.move, 1e-6)


def test_a_short_row_may_end_where_no_tag_may_follow(way):
    # After tag 1 nothing may come: two tokens are the most there can be, and padding must not be read as a third.
    move = torch.tensor([[NEVER, 0.5], [NEVER, NEVER]])
    scores = Chain(torch.tensor([0.0, 1.0]), move, torch.tensor([NEVER, 0.25]))
    emissions, mask = torch.zeros(2, 20, 2), torch.zeros(2, 20, dtype=torch.bool)
    mask[0, :2] = mask[1, :1] = True
    sums = way(emissions, scores, mask)
    near(sums.log_total, torch.tensor([0.75, 1.25]))
    slopes = sums.slopes(torch.ones(2, 20, dtype=torch.int64), torch.ones(2, dtype=torch.float64))
    assert all(bool(part.isfinite().all()) for part in slopes.chain)


# ---- the device ----


def test_elsewhere_than_on_the_cpu_tensor_operations_sum(monkeypatch):
    emissions, scores, mask = drawn()
    monkeypatch.setattr(sums_module, "sum_in_loops", lambda *batch: pytest.fail("loops are for the CPU"))
    seen = []
    monkeypatch.setattr(sums_module, "sum_scaled", lambda lattice: seen.append(lattice))
    with torch.device("meta"):
        elsewhere = emissions.to("meta"), Chain(*(part.to("meta") for part in scores)), mask.to("meta")
    monkeypatch.setattr(sums_module.Lattice, "build", classmethod(lambda cls, *batch: "lattice"))
    monkeypatch.setattr(sums_module, "sum_in_logarithms", lambda lattice: f"{lattice} in logarithms")
    assert sum_paths(*elsewhere) == "lattice in logarithms"
    assert seen == ["lattice"]
