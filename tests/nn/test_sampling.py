"""Each transform against its formula on plain lists, and what is drawn against the distribution behind it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import exp, fsum, inf, log, nan, nextafter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.nn.sampling import (
    Forbid,
    FrequencyPenalty,
    LogitBias,
    MinP,
    NoRepeatNgram,
    PresencePenalty,
    RepetitionPenalty,
    Temperature,
    TopK,
    TopP,
    apply,
    choose,
    probabilities,
    transforms,
)

NONE_YET = torch.empty(1, 0, dtype=torch.int64)
EIGHTHS = torch.tensor([[1 / 2, 1 / 4, 1 / 8, 1 / 8]]).log()


def draw(scores, history, steps, random) -> torch.Tensor:
    """Return a symbol for each row, drawn as its distribution says."""
    uniforms = torch.from_numpy(random.random(len(scores)))
    return choose(probabilities(scores, history, steps), uniforms)


def drawn_scores(rows: int, vocab: int, *, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(rows, vocab, generator=torch.Generator().manual_seed(seed))


def drawn_history(rows: int, time: int, vocab: int, *, seed: int = 1) -> torch.Tensor:
    """Return random ids, some of them −1: there is nothing at that place."""
    return torch.randint(-1, vocab, (rows, time), generator=torch.Generator().manual_seed(seed))


def one_open(rows: int, vocab: int) -> torch.Tensor:
    """Return scores of which all but one a row are −∞."""
    return torch.full((rows, vocab), -inf).scatter(1, torch.arange(rows).unsqueeze(1) % vocab, 2.5)


SCORES = {
    "random": drawn_scores(40, 7),
    "large vocabulary": drawn_scores(3, 300),
    "ties": drawn_scores(40, 7).sign() * 1.5,
    "ties and zeros": drawn_scores(40, 7).div(3).round(),
    "some excluded": drawn_scores(40, 7).masked_fill(drawn_scores(40, 7, seed=5) > 2, -inf),
    "one open": one_open(9, 7),
    "uniform": torch.full((2, 7), -0.5),
    "vocabulary of 1": torch.tensor([[2.5], [-2.5], [0.0]]),
}


def softmax(scores: list[float]) -> list[float]:
    top = max(scores)
    weights = [exp(score - top) for score in scores]
    return [weight / fsum(weights) for weight in weights]


def ranked(scores: list[float]) -> list[int]:
    """Return the ids, the likeliest first; between equals the lower id."""
    return sorted(range(len(scores)), key=lambda symbol: (-scores[symbol], symbol))


def keep(scores: list[float], kept) -> list[float]:
    return [score if symbol in kept else -inf for symbol, score in enumerate(scores)]


def slow_repetition(scores, history, x):
    return [
        (score / x if score > 0 else score * x) if symbol in history else score for symbol, score in enumerate(scores)
    ]


def slow_frequency(scores, history, x):
    return [score - x * history.count(symbol) for symbol, score in enumerate(scores)]


def slow_presence(scores, history, x):
    return [score - (x if symbol in history else 0.0) for symbol, score in enumerate(scores)]


def slow_bias(scores, history, biases):
    return [score + biases.get(symbol, 0.0) for symbol, score in enumerate(scores)]


def slow_ngram(scores, history, n):
    """Write each symbol to the end and look whether its last n are there before."""
    allowed = set()
    for symbol in range(len(scores)):
        written = [*history, symbol]
        runs = [written[start : start + n] for start in range(len(written) - n + 1)]
        if len(written) < n or runs[-1] not in runs[:-1] or -1 in runs[-1]:
            allowed.add(symbol)
    return keep(scores, allowed)


def slow_forbid(scores, history, ids):
    return [-inf if symbol in ids else score for symbol, score in enumerate(scores)]


def slow_temperature(scores, history, t):
    return [(score - max(scores)) / t for score in scores]


def slow_top_k(scores, history, k):
    return keep(scores, ranked(scores)[:k])


def slow_top_p(scores, history, p):
    kept: list[int] = []
    probs = softmax(scores)
    for symbol in ranked(scores):
        if fsum(probs[each] for each in kept) >= p - 1e-6:
            break
        kept.append(symbol)
    return keep(scores, kept)


def slow_min_p(scores, history, p):
    probs = softmax(scores)
    return keep(scores, [symbol for symbol, prob in enumerate(probs) if prob >= p * max(probs) * (1 - 1e-6)])


def last(window, slow):
    """Return `slow` as it is with the last `window` of the history only."""
    return lambda scores, history, value: slow(scores, history[max(0, len(history) - window) :], value)


EVERY = [
    (RepetitionPenalty(1.7), slow_repetition, 1.7),
    (RepetitionPenalty(0.6), slow_repetition, 0.6),
    (RepetitionPenalty(1.7, window=3), last(3, slow_repetition), 1.7),
    (FrequencyPenalty(0.4), slow_frequency, 0.4),
    (FrequencyPenalty(-1.5), slow_frequency, -1.5),
    (FrequencyPenalty(0.4, window=4), last(4, slow_frequency), 0.4),
    (PresencePenalty(0.4), slow_presence, 0.4),
    (PresencePenalty(0.4, window=3), last(3, slow_presence), 0.4),
    (LogitBias({0: 1.5}), slow_bias, {0: 1.5}),
    (NoRepeatNgram(1), slow_ngram, 1),
    (NoRepeatNgram(2), slow_ngram, 2),
    (NoRepeatNgram(3), slow_ngram, 3),
    (Forbid([0]), slow_forbid, [0]),
    (Temperature(0.3), slow_temperature, 0.3),
    (Temperature(2.5), slow_temperature, 2.5),
    (Temperature(0), slow_top_k, 1),
    (TopK(1), slow_top_k, 1),
    (TopK(3), slow_top_k, 3),
    (TopP(0.05), slow_top_p, 0.05),
    (TopP(0.5), slow_top_p, 0.5),
    (TopP(0.9), slow_top_p, 0.9),
    (MinP(0.05), slow_min_p, 0.05),
    (MinP(0.5), slow_min_p, 0.5),
    (MinP(1), slow_min_p, 1),
]
IDS = [repr(transform) for transform, _, _ in EVERY]
TRANSFORMS = [transform for transform, _, _ in EVERY]


def by_hand(probs: list[float]) -> torch.Tensor:
    return torch.tensor([probs], dtype=torch.float64)


def assert_probs(ours: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(ours, by_hand(expected), rtol=0, atol=1e-6)


# --- every transform ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [0, 1, 2, 30])
@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize(("transform", "slow", "value"), EVERY, ids=IDS)
def test_a_transform_equals_its_formula(transform, slow, value, scores, time):
    rows, vocab = scores.shape
    history = drawn_history(rows, time, vocab)
    ours = transform(scores, history)
    expected = [slow(*row, value) for row in zip(scores.tolist(), history.tolist(), strict=True)]
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, torch.tensor(expected), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
def test_a_transform_changes_something_and_leaves_its_arguments_as_they_are(transform):
    scores, history = drawn_scores(40, 7), drawn_history(40, 30, 7)
    scores_before, history_before = scores.clone(), history.clone()
    assert not torch.equal(transform(scores, history), scores)
    assert torch.equal(scores, scores_before)
    assert torch.equal(history, history_before)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
def test_a_row_alone_goes_as_among_others(transform):
    scores, history = drawn_scores(5, 7), drawn_history(5, 12, 7)
    together = transform(scores, history)
    alone = [transform(scores[row : row + 1], history[row : row + 1]) for row in range(5)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
def test_what_is_excluded_stays_excluded_and_makes_no_nan(transform):
    scores = torch.tensor([[-inf, 1.0, -2.0, -inf, 0.0], [-inf] * 5])
    history = torch.tensor([[0, 1, 3, 0], [4, 0, 4, 2]])
    after = transform(scores, history)
    assert not bool(after.isnan().any())
    assert bool((after[scores == -inf] == -inf).all())


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
def test_places_with_nothing_count_nowhere(transform):
    scores, history = drawn_scores(5, 7), drawn_history(5, 12, 7).abs()
    longer = torch.cat([torch.full((5, 4), -1), history], 1)
    assert torch.equal(transform(scores, longer), transform(scores, history))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Temperature(-0.1), "a temperature of 0 or more, got -0.1"),
        (lambda: Temperature(inf), "a temperature of 0 or more, got inf"),
        (lambda: Temperature(nan), "a temperature of 0 or more, got nan"),
        (lambda: TopK(0), "a top-k of at least one symbol, got 0"),
        (lambda: TopK(-3), "a top-k of at least one symbol, got -3"),
        (lambda: TopP(0.0), "a top-p above 0 and at most 1, got 0.0"),
        (lambda: TopP(1.01), "a top-p above 0 and at most 1, got 1.01"),
        (lambda: TopP(nan), "a top-p above 0 and at most 1, got nan"),
        (lambda: MinP(-0.1), "a min-p from 0 to 1, got -0.1"),
        (lambda: MinP(1.1), "a min-p from 0 to 1, got 1.1"),
        (lambda: RepetitionPenalty(0.0), "a repetition penalty above 0, got 0.0"),
        (lambda: RepetitionPenalty(inf), "a repetition penalty above 0, got inf"),
        (lambda: RepetitionPenalty(1.2, window=-1), "a window of 0 symbols or more, got -1"),
        (lambda: FrequencyPenalty(nan), "a finite frequency penalty, got nan"),
        (lambda: FrequencyPenalty(1.0, window=-1), "a window of 0 symbols or more, got -1"),
        (lambda: PresencePenalty(inf), "a finite presence penalty, got inf"),
        (lambda: PresencePenalty(1.0, window=-1), "a window of 0 symbols or more, got -1"),
        (lambda: NoRepeatNgram(0), "n-grams of at least one symbol, got 0"),
        (lambda: LogitBias({-1: 1.0}), "biases for ids of 0 or more, got -1"),
        (lambda: LogitBias({1: inf}), "biases that are finite or -inf, got inf"),
        (lambda: LogitBias({1: nan}), "biases that are finite or -inf, got nan"),
        (lambda: Forbid([3, -2]), r"ids of 0 or more to forbid, got \(-2, 3\)"),
        (lambda: transforms(top_k=-1), "a top-k of at least one symbol, got -1"),
        (lambda: transforms(top_p=0.0), "a top-p above 0"),
        (lambda: transforms(min_p=nan), "a min-p from 0 to 1, got nan"),
        (lambda: transforms(temperature=-1.0), "a temperature of 0 or more"),
        (lambda: transforms(repetition_penalty=-1.0), "a repetition penalty above 0"),
        (lambda: transforms(no_repeat_ngram=-1), "n-grams of at least one symbol"),
        (lambda: transforms(window=-1), "a window of 0 symbols or more, got -1"),
        (lambda: transforms(logit_bias={-1: 0.0}), "biases for ids of 0 or more"),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_was_expected(make, message):
    with pytest.raises(ValueError, match=f"expected {message}"):
        make()


@pytest.mark.parametrize("transform", [LogitBias({1: 1.0, 7: 1.0}), Forbid([1, 7])], ids=repr)
def test_an_id_outside_the_vocabulary_is_refused(transform):
    with pytest.raises(ValueError, match="expected ids below the vocabulary's size, 7, got 7"):
        transform(drawn_scores(2, 7), NONE_YET.expand(2, 0))


READERS = [RepetitionPenalty(1.5), FrequencyPenalty(0.5), PresencePenalty(0.5), NoRepeatNgram(2)]


@pytest.mark.parametrize("transform", READERS, ids=repr)
def test_a_history_that_does_not_fit_is_refused(transform):
    with pytest.raises(ValueError, match=r"expected a history of shape \(3, time\), got \(1, 5\)"):
        transform(drawn_scores(3, 7), drawn_history(1, 5, 7))
    with pytest.raises(ValueError, match=r"expected a history of shape \(3, time\), got \(3,\)"):
        transform(drawn_scores(3, 7), torch.tensor([1, 2, 3]))
    with pytest.raises(ValueError, match="expected a history of ids below the vocabulary's size, 7, got 7"):
        transform(drawn_scores(1, 7), torch.tensor([[2, 7, 1]]))


def test_transforms_of_equal_values_are_equal_and_can_be_members_of_a_set():
    assert len({Forbid([3, 1, 3]), Forbid((1, 3)), TopK(3), TopK(3)}) == 2
    assert LogitBias({1: 2.0}) == LogitBias({1: 2.0}) != LogitBias({1: 3.0})
    assert len({LogitBias({1: 2.0}), LogitBias({1: 2.0})}) == 1


def test_biases_that_are_changed_later_change_nothing():
    biases = {1: 2.0}
    transform = LogitBias(biases)
    biases[1] = inf
    assert transform == LogitBias({1: 2.0})


# --- worked by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "history", "expected"),
    [
        (TopK(2), [], [2 / 3, 1 / 3, 0, 0]),
        (TopK(3), [], [4 / 7, 2 / 7, 1 / 7, 0]),  # of the two equals the first
        (TopK(9), [], [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        (TopP(0.5), [], [1, 0, 0, 0]),
        (TopP(0.51), [], [2 / 3, 1 / 3, 0, 0]),  # the one that crosses is kept
        (TopP(0.75), [], [2 / 3, 1 / 3, 0, 0]),
        (TopP(0.76), [], [4 / 7, 2 / 7, 1 / 7, 0]),
        (TopP(0.9), [], [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        (TopP(1e-9), [], [1, 0, 0, 0]),
        (MinP(0.25), [], [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        (MinP(0.26), [], [2 / 3, 1 / 3, 0, 0]),
        (MinP(0.5), [], [2 / 3, 1 / 3, 0, 0]),
        (MinP(1), [], [1, 0, 0, 0]),
        (Temperature(0.5), [], [16 / 22, 4 / 22, 1 / 22, 1 / 22]),  # squares
        (Temperature(0), [], [1, 0, 0, 0]),
        (FrequencyPenalty(log(2)), [0, 2, 0], [2 / 9, 4 / 9, 1 / 9, 2 / 9]),  # 1/8, 1/4, 1/16, 1/8
        (PresencePenalty(log(2)), [0, 2, 0], [4 / 11, 4 / 11, 1 / 11, 2 / 11]),  # 1/4, 1/4, 1/16, 1/8
        (RepetitionPenalty(2.0), [0, 0], [1 / 3, 1 / 3, 1 / 6, 1 / 6]),  # log 1/2 < 0 is doubled: 1/4
        (LogitBias({3: log(4)}), [], [4 / 11, 2 / 11, 1 / 11, 4 / 11]),
        (LogitBias({0: -inf, 1: 0.0}), [], [0, 1 / 2, 1 / 4, 1 / 4]),
        (Forbid([0, 3]), [], [0, 2 / 3, 1 / 3, 0]),
        (NoRepeatNgram(2), [1, 0, 3, 1], [0, 1 / 2, 1 / 4, 1 / 4]),  # 1, 0 was there
        (NoRepeatNgram(3), [1, 0, 3, 1, 0], [4 / 7, 2 / 7, 1 / 7, 0]),  # 1, 0, 3 was there
        (NoRepeatNgram(1), [1, 0, 1], [0, 0, 1 / 2, 1 / 2]),
    ],
    ids=repr,
)
def test_worked_examples(transform, history, expected):
    assert_probs(probabilities(EIGHTHS, torch.tensor([history], dtype=torch.int64), [transform]), expected)


def test_the_repetition_penalty_divides_positive_scores():
    scores = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    after = RepetitionPenalty(4.0)(scores, torch.tensor([[0, 2, 3, 3]]))
    assert after.tolist() == [[0.5, 1.0, 0.0, -4.0]]


@pytest.mark.parametrize("n", range(1, 11))
def test_of_a_uniform_distribution_top_k_and_top_p_keep_the_first(n):
    scores = torch.zeros(1, 10)
    expected = [1 / n] * n + [0.0] * (10 - n)
    assert_probs(probabilities(scores, NONE_YET, [TopK(n)]), expected)
    assert_probs(probabilities(scores, NONE_YET, [TopP(n / 10)]), expected)
    assert_probs(probabilities(scores, NONE_YET, [MinP(1.0)]), [0.1] * 10)


def test_a_symbol_on_the_bound_of_min_p_is_kept_however_its_score_was_rounded():
    tops = torch.linspace(-5, 5, 101, dtype=torch.float64).unsqueeze(1)
    for tenths in range(1, 11):
        scores = torch.cat([tops, tops + log(tenths / 10), tops + log(tenths / 10) - 1e-5], 1).float()
        kept = MinP(tenths / 10)(scores, NONE_YET.expand(101, 0)) > -inf
        assert kept.tolist() == [[True, True, False]] * 101


def test_top_p_of_one_keeps_what_is_far_too_rare_to_move_a_sum():
    scores = torch.tensor([[0.0, -200.0, -700.0]])
    assert torch.equal(TopP(1)(scores, NONE_YET), scores)
    assert torch.equal(MinP(0)(scores, NONE_YET), scores)


@pytest.mark.parametrize("t", [1e-3, 1e-20, 1e-40, 5e-324])
def test_a_temperature_near_zero_is_the_limit(t):
    scores = torch.tensor([[1.0, 30.0, -5.0, 29.0], [-80.0, -90.0, -inf, -81.0]])
    expected = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.float64)
    assert torch.equal(probabilities(scores, NONE_YET.expand(2, 0), [Temperature(t)]), expected)
    assert torch.equal(probabilities(scores, NONE_YET.expand(2, 0), [Temperature(0)]), expected)


def test_no_run_of_three_comes_twice_in_what_is_written_under_its_rule():
    steps, random = transforms(no_repeat_ngram=3), np.random.default_rng(4)
    free, ruled = torch.empty(2, 0, dtype=torch.int64), torch.empty(2, 0, dtype=torch.int64)
    for step in range(120):  # 118 runs of three out of 216: without the rule, none comes twice with p < 1e-13
        scores = drawn_scores(2, 6, seed=step)
        ruled = torch.cat([ruled, draw(scores, ruled, steps, random).unsqueeze(1)], 1)
        free = torch.cat([free, draw(scores, free, (), random).unsqueeze(1)], 1)

    def most(row: list[int]) -> int:
        return max(Counter(zip(row, row[1:], row[2:], strict=False)).values())

    assert [most(row) for row in ruled.tolist()] == [1, 1]
    assert min(most(row) for row in free.tolist()) > 1


# --- several in their order --------------------------------------------------------------------------------------

ALL = {
    "repetition_penalty": 1.2,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "logit_bias": {2: 0.5},
    "no_repeat_ngram": 3,
    "forbid": {4, 1},
    "temperature": 0.7,
    "top_k": 5,
    "top_p": 0.9,
    "min_p": 0.05,
}
IN_ORDER = (
    RepetitionPenalty(1.2, 64),
    FrequencyPenalty(0.1, 64),
    PresencePenalty(0.2, 64),
    LogitBias({2: 0.5}),
    NoRepeatNgram(3),
    Forbid((1, 4)),
    Temperature(0.7),
    TopK(5),
    TopP(0.9),
    MinP(0.05),
)


def test_the_order_is_the_documented_one_however_they_are_named():
    assert transforms(**ALL, window=64) == IN_ORDER
    assert transforms(**dict(reversed(ALL.items())), window=64) == IN_ORDER
    documented = [transforms.__doc__.index(f"`{type(step).__name__}`") for step in IN_ORDER]
    assert all(before < after for before, after in pairwise(documented))


@pytest.mark.parametrize("name", ALL)
def test_one_alone_gives_one_transform(name):
    (only,) = transforms(**{name: ALL[name]}, window=64)
    assert only in IN_ORDER


def test_what_changes_nothing_is_left_out():
    assert transforms() == ()
    assert transforms(temperature=1, top_k=0, top_p=1, min_p=0, no_repeat_ngram=0) == ()
    assert transforms(repetition_penalty=1, frequency_penalty=0, presence_penalty=0, window=9) == ()
    assert transforms(logit_bias={3: 0.0}, forbid=()) == ()


def test_temperature_zero_leaves_one_symbol():
    (only,) = transforms(temperature=0.0)
    assert_probs(probabilities(EIGHTHS, NONE_YET, [only]), [1, 0, 0, 0])


def test_all_together_are_one_after_the_other():
    scores, history = drawn_scores(6, 9), drawn_history(6, 20, 9)
    one_by_one = scores
    for step in IN_ORDER:
        one_by_one = step(one_by_one, history)
    assert torch.equal(apply(scores, history, IN_ORDER), one_by_one)
    assert torch.equal(apply(scores, history, ()), scores)


def test_the_sets_are_cut_from_what_is_allowed_at_the_temperature_asked_for():
    # 1/4, 1/8, 1/8 are left, squared 4 : 1 : 1; the first has 2/3 of it (at temperature 1 it had 1/2)
    steps = transforms(forbid=[0], temperature=0.5, top_p=0.6)
    assert_probs(probabilities(EIGHTHS, NONE_YET, steps), [0, 1, 0, 0])


def test_each_set_is_cut_from_what_the_one_before_left():
    # top-k leaves 2/3 and 1/3; the first of them alone reaches 0.6 (of all four it had 1/2)
    assert_probs(probabilities(EIGHTHS, NONE_YET, transforms(top_k=2, top_p=0.6)), [1, 0, 0, 0])


def test_the_repetition_penalty_sees_the_models_own_sign():
    steps = transforms(repetition_penalty=2.0, frequency_penalty=5.0, logit_bias={0: -10.0})
    after = apply(torch.tensor([[4.0, 1.0]]), torch.tensor([[0]]), steps)
    assert after.tolist() == [[4.0 / 2 - 5 - 10, 1.0]]


# --- the distribution --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
def test_probabilities_are_the_softmax_and_sum_to_one(scores):
    ours = probabilities(scores, NONE_YET.expand(len(scores), 0), ())
    expected = torch.tensor([softmax(row) for row in scores.tolist()], dtype=torch.float64)
    assert ours.dtype == torch.float64
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.sum(-1), torch.ones(len(scores), dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("bad", "shown"), [([-inf, -inf], "-inf"), ([0.0, nan], "nan"), ([inf, 0.0], "inf")])
def test_a_row_without_a_choice_is_refused(bad, shown):
    scores = torch.tensor([[0.0, 1.0], bad])
    message = f"expected a finite highest score in row 1, got {shown}"
    with pytest.raises(ValueError, match=message):
        apply(scores, NONE_YET.expand(2, 0), [TopK(2)])
    with pytest.raises(ValueError, match=message):
        probabilities(scores, NONE_YET.expand(2, 0), ())


def test_where_transforms_exclude_everything_all_probabilities_are_zero():
    both = probabilities(EIGHTHS.expand(2, 4), torch.tensor([[0, 1, 2, 3], [0, 1, 2, 2]]), [NoRepeatNgram(1)])
    assert both.tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]
    for steps in (transforms(no_repeat_ngram=1, **more) for more in ({"top_k": 2}, {"top_p": 0.5}, {"min_p": 0.1})):
        assert not probabilities(EIGHTHS, torch.tensor([[0, 1, 2, 3]]), [*steps, Temperature(0)]).any()


def test_scores_that_overflow_are_refused():
    with pytest.raises(ValueError, match="row 0 that are not nan and not inf, got inf"):
        probabilities(EIGHTHS, NONE_YET, [LogitBias({1: 1e300})])


ALMOST_ONE = nextafter(1.0, 0.0)


@pytest.mark.parametrize(
    ("uniform", "expected"), [(0.0, 1), (0.24, 1), (0.25, 2), (0.49, 2), (0.5, 4), (ALMOST_ONE, 4), (1.0, 4)]
)
def test_a_number_falls_to_the_symbol_whose_stretch_holds_it(uniform, expected):
    probs = by_hand([0, 0.25, 0.25, 0, 0.5, 0])
    assert choose(probs, torch.tensor([uniform], dtype=torch.float64)).tolist() == [expected]


def test_sums_that_rounding_leaves_below_one_end_at_a_symbol_with_probability():
    probs = by_hand([0.1] * 10 + [0.0] * 3)
    assert float(probs.cumsum(-1)[0, -1]) < 1
    assert choose(probs, torch.tensor([ALMOST_ONE], dtype=torch.float64)).tolist() == [9]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=9).filter(any), st.integers(0, 1024))
def test_choosing_equals_counting_in_whole_numbers(weights, part):
    # u = part / 1024; everything is a multiple of 1 / 1024, so doubles are exact
    expected, total = None, 0
    for symbol, weight in enumerate(weights):
        total += weight
        if 1024 * total > min(part, 1023) * sum(weights) and expected is None:
            expected = symbol
    chosen = choose(by_hand(weights), torch.tensor([min(part, 1023) / 1024], dtype=torch.float64))
    assert chosen.tolist() == [expected]
    last = choose(by_hand(weights), torch.tensor([1.0], dtype=torch.float64))
    assert last.tolist() == [max(symbol for symbol, weight in enumerate(weights) if weight)]


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.floats(-60, 60, width=32) | st.just(-inf) | st.just(-3e38), min_size=1, max_size=40).filter(
        lambda scores: max(scores) > -inf
    ),
    st.sampled_from([0.0, 5e-324, 2**-53, 0.5, 1 - 2**-52, ALMOST_ONE, 1.0]) | st.floats(0, 1),
)
def test_what_has_no_probability_is_never_chosen(scores, uniform):
    probs = probabilities(torch.tensor([scores]), NONE_YET, ())
    chosen = choose(probs, torch.tensor([uniform], dtype=torch.float64))
    assert float(probs[0, chosen]) > 0


# --- drawing -----------------------------------------------------------------------------------------------------


def bound(draws: int, n_symbols: int) -> float:
    """Return how far a share may be from its probability, failing by chance once in a million tests.

    Hoeffding: P(|share − p| ≥ ε) ≤ 2 exp(−2 · draws · ε²) for one symbol; for any of n, at most n times that. The
    whole is 1e-6 at ε = √(ln(2 n / 1e-6) / (2 · draws)). The seeds are fixed, so a test fails never or always.
    """
    return (log(2 * n_symbols / 1e-6) / (2 * draws)) ** 0.5


def assert_shares(ids: torch.Tensor, probs: torch.Tensor) -> None:
    shares = torch.bincount(ids, minlength=len(probs)).double() / len(ids)
    assert float((shares - probs).abs().max()) < bound(len(ids), len(probs))
    assert bool((shares[probs == 0] == 0).all())


@pytest.mark.parametrize("steps", [(), transforms(temperature=0.5, top_p=0.95), transforms(forbid=[0], min_p=0.1)])
def test_symbols_come_as_often_as_their_probabilities_say(steps):
    scores = torch.tensor([[0.5, -1.0, 1.5, -inf, 0.0, -0.5, 2.0]])
    many = scores.expand(40_000, -1)
    ids = draw(many, NONE_YET.expand(40_000, 0), steps, np.random.default_rng(11))
    assert bound(40_000, 7) < 0.0145
    assert_shares(ids, probabilities(scores, NONE_YET, steps)[0])
