"""Searches against plain lists: every sequence enumerated, a slow beam for one sentence, sentences one by one."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from nlp_lstm.nn.candidates import CHUNK
from nlp_lstm.nn.rows import PerSentence, reorder
from nlp_lstm.nn.search import Hypothesis, SearchOptions, beam_search, greedy_search

VOCAB, END, BEGIN = 4, 2, 3
NEVER = float("-inf")
SOURCE_LENGTHS = (5, 3, 7, 1, 6, 4)
N = len(SOURCE_LENGTHS)
DEPTH = 5  # steps, so four ids and the end

SETTINGS = {
    "plain sums": {"length_penalty": 0.0},
    "means": {},
    "half a length penalty": {"length_penalty": 0.5},
    "the penalty of Wu et al.": {"length_penalty": 0.6, "length_offset": 5.0},
    "coverage": {"coverage_penalty": 0.4},
    "coverage and plain sums": {"coverage_penalty": 1.5, "length_penalty": 0.0},
    "at least two ids": {"min_length": 2},
    "no id twice": {"block_ngrams": 1},
    "no pair twice": {"block_ngrams": 2},
    "no triple twice": {"block_ngrams": 3},
    "an id forbidden": {"forbidden": (1, BEGIN)},
    "all at once": {"coverage_penalty": 0.3, "min_length": 1, "block_ngrams": 2, "forbidden": (0,), "n_best": 3},
}
settings = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)


def options(**changes) -> SearchOptions:
    return SearchOptions(**{"max_length": DEPTH, "begin_id": BEGIN, "end_id": END, **changes})


class Read(NamedTuple):
    """The state of a `World`: whose sentence a row is, and the number of all it has read."""

    sentence: Tensor
    prefix: Tensor


class World:
    """Random but fixed log-probabilities and attention for each sentence and everything said so far.

    The sequence (p, v) has the number V · number(p) + v + 1, the empty one 0.
    """

    def __init__(self, seed: int = 0, *, vocab: int = VOCAB, depth: int = DEPTH, scale: float = 1.5) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.vocab, self.seen = vocab, []
        prefixes = sum(vocab**length for length in range(depth))
        self.log_probs = (torch.randn(N, prefixes, vocab, generator=generator) * scale).log_softmax(2)
        logits = torch.randn(N, prefixes, max(SOURCE_LENGTHS), generator=generator) * 2
        within = torch.arange(logits.shape[2]) < torch.tensor(SOURCE_LENGTHS).view(N, 1, 1)
        self.attention = logits.masked_fill(~within, NEVER).softmax(2)

    def __call__(self, ids: Tensor, state: Read) -> tuple[Tensor, Read, Tensor]:
        self.seen.append(len(ids))
        prefix = torch.where(state.prefix < 0, 0, state.prefix * self.vocab + ids + 1)
        chosen = (state.sentence, prefix)
        return self.log_probs[chosen], Read(state.sentence, prefix), self.attention[chosen]

    def start(self, *sentences: int) -> Read:
        sentence = torch.tensor(sentences, dtype=torch.int64)
        return Read(sentence, torch.full_like(sentence, -1))

    def say(self, sentence: int, ids: tuple[int, ...]) -> tuple[list[float], list[float]]:
        """Return the log-probabilities and the attention of the step after `ids`, within the source."""
        prefix = 0
        for each in ids:
            prefix = prefix * self.vocab + each + 1
        attention = self.attention[sentence, prefix, : SOURCE_LENGTHS[sentence]]
        return self.log_probs[sentence, prefix].tolist(), attention.tolist()

    def search(self, find, chosen: SearchOptions, *sentences: int) -> list[list[Hypothesis]]:
        sentences = sentences or tuple(range(N))
        lengths = torch.tensor([SOURCE_LENGTHS[sentence] for sentence in sentences])
        return find(self, self.start(*sentences), len(sentences), chosen, source_lengths=lengths)


@pytest.fixture
def world() -> World:
    return World()


def allowed(ids: tuple[int, ...], new: int, chosen: SearchOptions) -> bool:
    """Tell whether `new` may follow `ids`, the slow way."""
    if new in chosen.forbidden or (new == chosen.end_id and len(ids) < chosen.min_length):
        return False
    if new == chosen.end_id or not chosen.block_ngrams:
        return True
    size, all_ids = chosen.block_ngrams, (*ids, new)
    runs = [all_ids[place : place + size] for place in range(len(all_ids) - size + 1)]
    return len(set(runs)) == len(runs)


def score_by_hand(say, ids: tuple[int, ...], log_prob: float, steps: int, chosen: SearchOptions) -> float:
    """Return the score after `steps` steps, of which the last may have said no id."""
    offset = chosen.length_offset
    score = log_prob / ((offset + steps) / (offset + 1)) ** chosen.length_penalty
    if chosen.coverage_penalty:
        looks = [say(ids[:time])[1] for time in range(steps)]
        score += chosen.coverage_penalty * sum(math.log(min(sum(column), 1.0)) for column in zip(*looks, strict=True))
    return score


class Found(NamedTuple):
    ids: tuple[int, ...]
    score: float
    log_prob: float
    finished: bool


def beam_by_hand(say, chosen: SearchOptions, max_length: int) -> list[Found]:
    """Search for one sentence with plain lists, to the bitter end: no bound stops it."""
    followed, ended, time = [((), 0.0)], [], 0
    for time in range(1, max_length + 1):
        ways = []
        for rank, (ids, log_prob) in enumerate(followed):
            for new, more in enumerate(say(ids)[0]):
                if more > -math.inf and allowed(ids, new, chosen):
                    ways.append((-(log_prob + more), rank, new, ids))
        if not ways:
            break
        ways = sorted(ways)[: chosen.beam_size]
        now = [(ids, -negated) for negated, _, new, ids in ways if new == chosen.end_id]
        ended += [Found(ids, score_by_hand(say, ids, log_prob, time, chosen), log_prob, True) for ids, log_prob in now]
        followed = [((*ids, new), -negated) for negated, _, new, ids in ways if new != chosen.end_id]
        if not followed:
            break
    left = [Found(ids, score_by_hand(say, ids, total, max(time, 1), chosen), total, False) for ids, total in followed]
    return sorted(ended or left, key=lambda found: -found.score)[: chosen.n_best]


def enumerate_all(say, chosen: SearchOptions) -> list[Found]:
    """Return the best of all sequences of at most four ids."""
    found = []
    for length in range(DEPTH):
        for ids in itertools.product([new for new in range(VOCAB) if new != END], repeat=length):
            whole = (*ids, END)
            if all(allowed(ids[:place], new, chosen) for place, new in enumerate(whole)):
                log_prob = sum(say(ids[:place])[0][new] for place, new in enumerate(whole))
                found.append(Found(ids, score_by_hand(say, ids, log_prob, length + 1, chosen), log_prob, True))
    return sorted(found, key=lambda each: -each.score)[: chosen.n_best]


def plain(hypotheses: list[Hypothesis]) -> list[Found]:
    return [Found(tuple(h.ids.tolist()), h.score, h.log_prob, h.finished) for h in hypotheses]


def assert_found(ours: list[Hypothesis], expected: list[Found]) -> None:
    assert [found[0::3] for found in plain(ours)] == [found[0::3] for found in expected]
    for found, other in zip(ours, expected, strict=True):
        assert found.score == pytest.approx(other.score, rel=1e-6)  # attention is summed in another order
        assert found.log_prob == pytest.approx(other.log_prob, rel=1e-12)


def assert_same(ours: list[list[Hypothesis]], others: list[list[Hypothesis]]) -> None:
    """Hold two results equal to the last bit."""
    assert [plain(each) for each in ours] == [plain(each) for each in others]
    for one, other in zip(itertools.chain(*ours), itertools.chain(*others), strict=True):
        assert (one.attention is None) == (other.attention is None)
        assert one.attention is None or torch.equal(one.attention, other.attention)


@settings
def test_a_wide_beam_finds_the_best_of_all_sequences(world, setting):
    chosen = options(**{"beam_size": 400, "n_best": 12, **setting})
    for sentence, ours in enumerate(world.search(beam_search, chosen)):
        expected = enumerate_all(lambda ids, sentence=sentence: world.say(sentence, ids), chosen)
        assert len(expected) == chosen.n_best or setting.get("forbidden") or setting.get("block_ngrams")
        assert_found(ours, expected)


@settings
@pytest.mark.parametrize("beam_size", [1, 2, 3, 6])
def test_a_narrow_beam_equals_the_slow_one(setting, beam_size):
    chosen = options(**{**setting, "beam_size": beam_size, "n_best": min(setting.get("n_best", 2), beam_size)})
    for seed in range(5):
        world = World(seed)
        for sentence, ours in enumerate(world.search(beam_search, chosen)):
            assert_found(ours, beam_by_hand(lambda ids, s=sentence, w=world: w.say(s, ids), chosen, DEPTH))


@settings
def test_greedy_search_is_a_beam_of_one(setting):
    longest = 0
    for seed in range(8):
        world = World(seed)
        greedy = world.search(greedy_search, options(**setting))
        assert_same(greedy, world.search(beam_search, options(**{**setting, "beam_size": 1, "n_best": 1})))
        longest = max(longest, *(len(each[0].ids) for each in greedy))
    assert longest > 1


def test_greedy_search_does_not_look_at_the_beam(world):
    greedy = world.search(greedy_search, options(beam_size=7, n_best=3))
    assert_same(greedy, world.search(greedy_search, options()))


class Markov:
    """A vocabulary of many chunks, the last one short: the next id depends on the latest only."""

    def __init__(self, vocab: int = 2 * CHUNK + 11, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.log_probs = (torch.randn(vocab, vocab, generator=generator) * 3).log_softmax(1)

    def __call__(self, ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        return self.log_probs[ids], None, None

    def say(self, ids: tuple[int, ...]) -> tuple[list[float], list[float]]:
        return self.log_probs[ids[-1] if ids else BEGIN].tolist(), []


@pytest.mark.parametrize("setting", [{}, {"block_ngrams": 2}, {"min_length": 4, "forbidden": (7, CHUNK, 130)}], ids=str)
@pytest.mark.parametrize("beam_size", [1, 5, 9])
def test_a_vocabulary_of_many_chunks_is_searched_like_a_small_one(setting, beam_size):
    for seed in range(5):
        markov, chosen = Markov(seed=seed), options(max_length=9, beam_size=beam_size, n_best=beam_size, **setting)
        (ours,) = beam_search(markov, None, 1, chosen)
        assert_found(ours, beam_by_hand(markov.say, chosen, 9))


@pytest.mark.parametrize("ends", [1, CHUNK - 1, CHUNK, 2 * CHUNK + 10])
def test_every_place_of_a_chunk_can_be_taken(ends):
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        log_probs = torch.full((len(ids), 2 * CHUNK + 11), -9.0)
        log_probs[:, ends] = -0.01
        return log_probs, None, None

    for find in (beam_search, greedy_search):
        ((best, *_),) = find(step, None, 1, options(end_id=ends))
        assert (best.ids.tolist(), best.finished) == ([], True)


@pytest.mark.parametrize("vocab", [VOCAB, CHUNK, 3 * CHUNK + 5])
def test_between_equals_the_lower_id_comes_first(vocab):
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        return torch.full((len(ids), vocab), -math.log(vocab)), None, None

    chosen = options(end_id=vocab - 1, max_length=2, beam_size=3, n_best=3)
    for hypotheses in beam_search(step, None, 2, chosen):
        assert [h.ids.tolist() for h in hypotheses] == [[0, 0], [0, 1], [0, 2]]
        assert not any(h.finished for h in hypotheses)
    assert greedy_search(step, None, 1, chosen)[0][0].ids.tolist() == [0, 0]


def test_equals_in_one_chunk_come_in_order_among_others():
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        log_probs = torch.full((len(ids), 4 * CHUNK), -9.0)
        log_probs[:, [5, 9, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 2]] = torch.tensor([-2.0, -1.0, -2.0, -2.0, -1.0])
        return log_probs, None, None

    chosen = options(end_id=0, max_length=1, beam_size=4, n_best=4)
    (hypotheses,) = beam_search(step, None, 1, chosen)
    assert [h.ids.item() for h in hypotheses] == [9, 3 * CHUNK + 2, 5, CHUNK + 1]


@pytest.mark.parametrize("vocab", [10, CHUNK, 5 * CHUNK])
def test_of_equals_at_the_edge_of_the_beam_the_lowest_is_taken(vocab):
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        log_probs = torch.full((len(ids), vocab), -9.0)
        log_probs[:, [0, 4, 7, vocab - 1]] = torch.tensor([-20.0, -1.0, -3.0, -2.0])
        return log_probs, None, None

    (hypotheses,) = beam_search(step, None, 1, options(end_id=0, max_length=1, beam_size=4, n_best=4))
    assert [h.ids.item() for h in hypotheses] == [4, vocab - 1, 7, 1]


def test_of_equal_scores_the_one_that_ended_first_is_better():
    def step(ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor, None]:
        log_probs = torch.full((len(ids), VOCAB), -30.0)
        log_probs[:, [0, END]] = -0.75  # every n steps have the mean −0.75
        return log_probs, state, None

    (hypotheses,) = beam_search(step, torch.zeros(1), 1, options(beam_size=40, n_best=40, max_length=40))
    assert [h.ids.tolist() for h in hypotheses] == [[0] * length for length in range(40)]
    assert [h.score for h in hypotheses] == [-0.75] * 40


@settings
def test_the_rest_of_the_batch_changes_nothing(world, setting):
    lengths = torch.tensor([5, 3, 1, 4, 0, 2])
    chosen = options(**{"max_length": lengths, "n_best": 2, **setting})
    for find in (beam_search, greedy_search):
        together = world.search(find, chosen)
        for order in ((3, 1, 5, 0, 4, 2), (5, 2), (0,), (4, 3, 1)):
            changed = options(**{"max_length": lengths[list(order)], "n_best": 2, **setting})
            assert_same(world.search(find, changed, *order), [together[sentence] for sentence in order])


def test_each_sentence_has_its_own_maximal_length(world):
    lengths = [5, 3, 1, 4, 0, 2]
    for find in (beam_search, greedy_search):
        ours = world.search(find, options(max_length=torch.tensor(lengths), forbidden=(END,)))
        assert [len(each[0].ids) for each in ours] == lengths
        for sentence, length in enumerate(lengths):
            alone = world.search(find, options(max_length=length, forbidden=(END,)), sentence)
            assert_same([ours[sentence]], alone)


def test_attention_is_that_of_the_step_that_chose_each_id(world):
    chosen = options(beam_size=4, n_best=4)
    for find in (beam_search, greedy_search):
        for sentence, hypotheses in enumerate(world.search(find, chosen)):
            for hypothesis in hypotheses:
                ids = tuple(hypothesis.ids.tolist())
                expected = [world.say(sentence, ids[:time])[1] for time in range(len(ids))]
                assert hypothesis.attention.shape == (len(ids), SOURCE_LENGTHS[sentence])
                assert hypothesis.attention.tolist() == expected


def test_without_source_lengths_attention_is_as_wide_as_it_comes(world):
    ours = beam_search(world, world.start(1, 2), 2, options())
    assert {h.attention.shape[1] for each in ours for h in each} == {max(SOURCE_LENGTHS)}


def test_a_token_without_any_attention_has_a_finite_score(world):
    ours = beam_search(world, world.start(3), 1, options(coverage_penalty=0.1))  # six columns of padding
    assert -0.1 * 6 * 88 - 20 < ours[0][0].score < -0.1 * 6 * 87


def test_the_best_come_first_and_none_twice(world):
    for hypotheses in world.search(beam_search, options(beam_size=6, n_best=6)):
        scores = [h.score for h in hypotheses]
        assert len(scores) > 1
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(h.ids.tolist()) for h in hypotheses}) == len(hypotheses)


@pytest.mark.parametrize("beam_size", [1, 2, 5])
def test_unfinished_hypotheses_come_back_when_none_ended(world, beam_size):
    chosen = options(beam_size=beam_size, n_best=beam_size, forbidden=(END,))
    for sentence, ours in enumerate(world.search(beam_search, chosen)):
        assert [(len(h.ids), h.finished) for h in ours] == [(DEPTH, False)] * beam_size
        assert_found(ours, beam_by_hand(lambda ids, s=sentence: world.say(s, ids), chosen, DEPTH))


def test_a_finished_hypothesis_keeps_unfinished_ones_out():
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        return torch.tensor([[-0.1, -9.0, -8.0, -9.0]]).expand(len(ids), -1), None, None

    ((only,),) = beam_search(step, None, 1, options(max_length=1, n_best=2))
    assert (only.ids.tolist(), only.finished) == ([], True)


def test_where_nothing_may_follow_what_was_said_comes_back(world):
    chosen = options(block_ngrams=1, min_length=9, forbidden=(BEGIN,), n_best=5)  # 0 and 1 once each, and then?
    for sentence, ours in enumerate(world.search(beam_search, chosen)):
        assert sorted(h.ids.tolist() for h in ours) == [[0, 1], [1, 0]]
        assert_found(ours, beam_by_hand(lambda ids, s=sentence: world.say(s, ids), chosen, DEPTH))
    one = options(block_ngrams=1, min_length=9, forbidden=(BEGIN,), beam_size=1)
    assert_same(world.search(greedy_search, one), world.search(beam_search, one))


def test_a_dead_end_gives_way_to_what_goes_on():
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        table = torch.full((VOCAB, VOCAB), NEVER)
        table[BEGIN, :2] = torch.tensor([-0.1, -3.0])  # after 0 comes nothing, after 1 the end
        table[1, END] = -0.5
        return table[ids], None, None

    ((only,),) = beam_search(step, None, 1, options(n_best=2))
    assert (only.ids.tolist(), only.finished, only.log_prob) == ([1], True, pytest.approx(-3.5))
    ((stuck,),) = greedy_search(step, None, 1, options())
    assert (stuck.ids.tolist(), stuck.finished, stuck.log_prob) == ([0], False, pytest.approx(-0.1))


def test_a_dead_end_is_left_out_where_something_ended():
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        table = torch.full((VOCAB, VOCAB), NEVER)
        table[BEGIN, [0, END]] = torch.tensor([-0.1, -3.0])
        return table[ids], None, None

    ((only,),) = beam_search(step, None, 1, options(n_best=2))
    assert (only.ids.tolist(), only.finished) == ([], True)


@pytest.mark.parametrize("find", [beam_search, greedy_search])
def test_an_empty_hypothesis_comes_back_when_nothing_is_possible(find):
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        return torch.full((len(ids), VOCAB), NEVER), None, None

    for chosen in (options(), options(max_length=0)):
        for (only,) in find(step, None, 2, chosen):
            assert (only.ids.tolist(), only.score, only.log_prob, only.finished) == ([], 0.0, 0.0, False)
    assert find(step, None, 0, options()) == []


def test_no_ids_are_a_result_unless_a_least_length_is_set():
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        return torch.tensor([[-3.0, -4.0, -0.1, -5.0]]).expand(len(ids), -1), None, None

    for find in (beam_search, greedy_search):
        assert find(step, None, 1, options())[0][0].ids.tolist() == []
        assert find(step, None, 1, options(min_length=1))[0][0].ids.tolist() == [0]
        assert find(step, None, 1, options(min_length=3))[0][0].ids.tolist() == [0, 0, 0]


CHANGES = {
    "beam_size": {"beam_size": 1},
    "n_best": {"n_best": 2},
    "max_length": {"max_length": 2},
    "begin_id": {"begin_id": 0},
    "end_id": {"end_id": 0},
    "min_length": {"min_length": 3},
    "length_penalty": {"length_penalty": 0.0},
    "length_offset": {"length_offset": 5.0},
    "coverage_penalty": {"coverage_penalty": 0.5},
    "block_ngrams": {"block_ngrams": 1},
    "forbidden": {"forbidden": (0,)},
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_option_changes_something(name):
    assert set(CHANGES) == set(SearchOptions.__dataclass_fields__)
    markov, world = Markov(VOCAB), World()
    if name == "begin_id":  # a world has read nothing before its first step
        before, after = (beam_search(markov, None, 1, options(**change)) for change in ({}, CHANGES[name]))
    else:
        before, after = (world.search(beam_search, options(**change)) for change in ({}, CHANGES[name]))
    assert [plain(each) for each in before] != [plain(each) for each in after]


def test_the_penalties_are_those_of_wu_et_al():
    chosen = options(length_penalty=0.2, length_offset=5.0, coverage_penalty=0.3)
    assert chosen.normalise(torch.tensor([-6.0]), 7).item() == pytest.approx(-6.0 / 2**0.2)
    attention = torch.tensor([[0.5, 2.0, 1.0, 0.1]])
    assert chosen.coverage(attention, None).item() == pytest.approx(0.3 * (math.log(0.5) + math.log(0.1)))
    assert chosen.coverage(attention, torch.tensor([3])).item() == pytest.approx(0.3 * math.log(0.5))


def test_lengths_count_as_they_are_unless_an_offset_is_set():
    assert options().normalise(torch.tensor([-6.0, -6.0]), torch.tensor([1, 4])).tolist() == [-6.0, -1.5]


def ending_at(*lengths: int):
    """Return a step function whose sentence i all but surely ends after `lengths[i]` ids, and the rows it saw."""
    rows: list[int] = []

    def step(ids: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor], None]:
        rows.append(len(ids))
        sentence, time = state
        over = time == torch.tensor(lengths)[sentence]
        favourite = torch.where(over, END, 0)
        log_probs = torch.full((len(ids), VOCAB), -20.0)
        log_probs[torch.arange(len(ids)), favourite] = -1e-6
        return log_probs, (sentence, time + 1), None

    return step, (torch.arange(len(lengths)), torch.zeros(len(lengths), dtype=torch.int64)), rows


@pytest.mark.parametrize(("find", "beam"), [(greedy_search, 1), (beam_search, 3)])
def test_sentences_that_are_done_leave_the_batch(find, beam):
    step, state, rows = ending_at(2, 0, 3, 2)
    ours = find(step, state, 4, options(max_length=50, beam_size=beam))
    assert [len(each[0].ids) for each in ours] == [2, 0, 3, 2]
    assert rows == [4, 3 * beam, 3 * beam, beam]  # at first each sentence has one hypothesis


def test_a_sentence_stays_while_a_longer_hypothesis_could_be_better():
    def step(ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor, None]:
        steps.append(len(ids))
        sure, unsure = [-1e-6, -20.0, -14.0, -20.0], [-0.5, -20.0, -0.9, -20.0]
        table = torch.tensor([unsure, *[sure] * 6, [-20.0, -20.0, -1e-6, -20.0]])
        return table[state], state + 1, None

    steps: list[int] = []
    ((best,),) = beam_search(step, torch.zeros(1, dtype=torch.int64), 1, options(max_length=8, beam_size=2))
    assert (best.ids.tolist(), len(steps)) == ([0] * 7, 8)  # its mean −0.5 / 8 beats the −0.9 of ending at once
    steps.clear()
    ((best,),) = beam_search(
        step, torch.zeros(1, dtype=torch.int64), 1, options(max_length=8, beam_size=2, length_penalty=0.0)
    )
    assert (best.ids.tolist(), len(steps)) == ([0] * 7, 8)  # and its sum as well


def test_what_cannot_be_better_any_more_is_not_followed():
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        steps.append(len(ids))
        return torch.tensor([[-3.0, -9.0, -0.625, -9.0]]).expand(len(ids), -1), None, None

    steps: list[int] = []
    beam_search(step, None, 1, options(max_length=40, beam_size=2))
    assert steps == [1, *[2] * 8]  # −3 n / 40 falls below −0.625 at n = 9
    steps.clear()
    beam_search(step, None, 1, options(max_length=40, beam_size=2, length_penalty=0.0))
    assert steps == [1]


@pytest.mark.parametrize("find", [beam_search, greedy_search])
def test_a_sentence_without_anything_left_to_follow_is_done(find):
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        steps.append(len(ids))
        return torch.tensor([[NEVER, NEVER, -0.5, NEVER]]).expand(len(ids), -1), None, None

    steps: list[int] = []
    assert [h.ids.tolist() for h in find(step, None, 1, options(n_best=3))[0]] == [[]]
    assert steps == [1]


def test_an_empty_place_of_the_beam_is_no_hypothesis():
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        return torch.tensor([[-0.5, -1.0, -2.0, -3.0]]).expand(len(ids), -1), None, None

    # More places than ways to go on, the last id is the end, and it may not come yet.
    (hypotheses,) = beam_search(step, None, 1, options(end_id=3, beam_size=60, n_best=60, min_length=2, max_length=3))
    assert len(hypotheses) == 9
    assert {len(h.ids) for h in hypotheses} == {2}


def test_what_a_sentence_shares_is_neither_repeated_nor_moved():
    class Shared(NamedTuple):
        read: Read
        memory: PerSentence[Tensor]

    world, memories = World(), []

    def repeated(ids: Tensor, state: tuple[Read, Tensor]):
        log_probs, read, attention = world(ids, state[0])
        return (log_probs + state[1]).log_softmax(1), (read, state[1]), attention

    def shared(ids: Tensor, state: Shared):
        memory = state.memory.value  # (sentences, vocab)
        memories.append(memory)
        log_probs, read, attention = world(ids, state.read)
        grouped = log_probs.view(len(memory), -1, VOCAB) + memory.unsqueeze(1)
        return grouped.flatten(0, 1).log_softmax(1), Shared(read, state.memory), attention

    bias = torch.randn(N, VOCAB, generator=torch.Generator().manual_seed(5))
    chosen = options(max_length=torch.tensor([2, 5, 5, 4, 5, 2]), forbidden=(END,))
    for find in (beam_search, greedy_search):
        memories.clear()
        expected = find(repeated, (world.start(*range(N)), bias), N, chosen)
        assert_same(find(shared, Shared(world.start(*range(N)), PerSentence(bias)), N, chosen), expected)
        assert [len(memory) for memory in memories] == [6, 6, 4, 4, 3]
        assert memories[1] is memories[0] is bias
        assert memories[3] is memories[2]


class Nested(NamedTuple):
    first: Tensor
    rest: list[tuple[Tensor, None]]


def test_a_nested_state_is_reordered_in_all_its_parts():
    state = Nested(torch.tensor([[1], [2], [3]]), [(torch.tensor([4, 5, 6]), None)])
    ours = reorder((state, PerSentence(torch.tensor([7, 8]))), torch.tensor([2, 0, 0, 1]))
    assert type(ours[0]) is Nested
    assert ours[0].first.tolist() == [[3], [1], [1], [2]]
    assert (type(ours[0].rest), type(ours[0].rest[0])) == (list, tuple)
    assert (ours[0].rest[0][0].tolist(), ours[0].rest[0][1]) == ([6, 4, 4, 5], None)
    assert ours[1].value.tolist() == [7, 8]
    moved = reorder(PerSentence((torch.tensor([7, 8]), None)), torch.tensor([0, 0]), torch.tensor([1]))
    assert (moved.value[0].tolist(), moved.value[1]) == ([8], None)


def test_a_state_of_something_else_is_refused():
    with pytest.raises(TypeError, match="a state holds tensors, tuples, lists, PerSentence and None, not int"):
        reorder((torch.zeros(2), 3), torch.tensor([0]))


@pytest.mark.parametrize("find", [beam_search, greedy_search])
def test_the_step_functions_own_tensors_stay_as_they_are(find, world):
    before = world.log_probs.clone()

    def step(ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return world.log_probs[0, : len(ids)], state, world.attention[0, : len(ids)]  # views

    find(step, torch.zeros(1), 1, options(block_ngrams=1, forbidden=(0,), min_length=1, coverage_penalty=1.0))
    assert torch.equal(world.log_probs, before)


@pytest.mark.parametrize(
    ("value", "shown"), [(float("nan"), "nan"), (float("inf"), "inf"), (2.5, "2.5")], ids=["nan", "infinite", "logits"]
)
@pytest.mark.parametrize("find", [beam_search, greedy_search])
@pytest.mark.parametrize("column", [0, 2 * CHUNK + 10])
def test_what_is_no_log_probability_is_refused(find, value, shown, column):
    def step(ids: Tensor, state: None) -> tuple[Tensor, None, None]:
        log_probs = markov(ids, state)[0]
        log_probs[2, column] = value
        return log_probs, None, None

    markov = Markov()
    with pytest.raises(ValueError, match=f"must be at most 0, but row 2 of the step function's output holds {shown}"):
        find(step, None, 3, options())


@pytest.mark.parametrize("find", [beam_search, greedy_search])
def test_outputs_of_another_shape_are_refused(find):
    def search(log_probs: Tensor, attention: Tensor | None, **changes) -> None:
        find(lambda ids, state: (log_probs, state, attention), None, 3, options(**changes))

    good = torch.full((3, VOCAB), -1.0)
    with pytest.raises(ValueError, match=r"log_probs must be of shape \(3, vocab\) with vocab above 2, not \(2, 4\)"):
        search(good[:2], None)
    with pytest.raises(ValueError, match=r"vocab above 2, not \(3, 1, 4\)"):
        search(good.unsqueeze(1), None)
    with pytest.raises(ValueError, match=r"vocab above 4, not \(3, 4\)"):
        search(good, None, forbidden=(4, 0))
    with pytest.raises(ValueError, match=r"attention must be of shape \(3, source_time\), not \(3, 5, 1\)"):
        search(good, torch.zeros(3, 5, 1))
    with pytest.raises(ValueError, match="a coverage penalty needs attention, and the step function returned None"):
        search(good, None, coverage_penalty=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beam_size": 0}, "beam_size must be at least 1, not 0"),
        ({"n_best": 0}, "n_best must be at least 1, not 0"),
        ({"n_best": 6}, "n_best must be at most beam_size, 5, not 6"),
        ({"min_length": -1}, "min_length must be at least 0, not -1"),
        ({"begin_id": -1}, "begin_id must be at least 0, not -1"),
        ({"end_id": -1}, "end_id must be at least 0, not -1"),
        ({"block_ngrams": -2}, "block_ngrams must be at least 0, not -2"),
        ({"length_penalty": -0.5}, "length_penalty must be at least 0, not -0.5"),
        ({"length_offset": -1.0}, "length_offset must be at least 0, not -1.0"),
        ({"coverage_penalty": float("nan")}, "coverage_penalty must be at least 0, not nan"),
        ({"forbidden": (3, -1)}, "an id of forbidden must be at least 0, not -1"),
    ],
)
def test_options_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        options(**changes)


def test_lengths_that_do_not_fit_the_sentences_are_refused(world):
    start = world.start(0, 1)
    with pytest.raises(ValueError, match=r"max_length must be of shape \(2,\), one a sentence, not \(3,\)"):
        beam_search(world, start, 2, options(max_length=torch.tensor([1, 2, 3])))
    with pytest.raises(ValueError, match=r"source_lengths must be of shape \(2,\), one a sentence, not \(2, 1\)"):
        beam_search(world, start, 2, options(), source_lengths=torch.tensor([[1], [2]]))
    with pytest.raises(ValueError, match="max_length must be at least 0, not -4"):
        beam_search(world, start, 2, options(max_length=torch.tensor([1, -4])))


@pytest.mark.parametrize("find", [beam_search, greedy_search])
def test_searches_run_in_inference_mode(find, world):
    chosen = options(block_ngrams=2, coverage_penalty=0.2, forbidden=(0,))
    expected = world.search(find, chosen)
    with torch.inference_mode():
        assert_same(world.search(find, chosen), expected)


@pytest.mark.parametrize("find", [beam_search, greedy_search])
def test_no_search_records_gradients(find, world):
    world.log_probs.requires_grad_()
    world.attention.requires_grad_()
    ((best, *_),) = world.search(find, options(coverage_penalty=0.2, min_length=2), 0)
    assert not best.attention.requires_grad
