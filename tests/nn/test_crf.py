"""The CRF against every tag sequence written out, against pytorch-crf, and where numbers get long, large or few."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.nn import sums
from nlp_lstm.nn.crf import Crf

LENGTHS = (5, 1, 3, 2)
TIME, TAGS = 6, 3
NEVER = float("-inf")


def mask_of(lengths, time: int) -> torch.Tensor:
    return torch.arange(time) < torch.tensor(lengths).unsqueeze(1)


@pytest.fixture(params=["free", "restricted"])
def crf(request, randomised) -> Crf:
    """A CRF with random scores; a restricted one forbids a start, some moves and an end, but no length."""
    if request.param == "free":
        return randomised(Crf(TAGS), scale=1.0)
    return randomised(
        Crf(
            TAGS,
            start=torch.tensor([True, True, False]),
            move=torch.tensor([[True, False, True], [True, True, True], [False, True, True]]),
            end=torch.tensor([True, False, True]),
        ),
        scale=1.0,
    )


@pytest.fixture
def emissions() -> torch.Tensor:
    return torch.randn(len(LENGTHS), TIME, TAGS, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask() -> torch.Tensor:
    return mask_of(LENGTHS, TIME)


def allowed_paths(crf: Crf, length: int) -> torch.Tensor:
    """Return every allowed sequence of a length, int64 (paths, length)."""
    paths = torch.tensor(list(product(range(crf.n_tags), repeat=length)))
    fine = crf.may_start[paths[:, 0]] & crf.may_end[paths[:, -1]]
    return paths[fine & crf.may_move[paths[:, :-1], paths[:, 1:]].all(1)]


def scores_of(crf: Crf, paths: torch.Tensor, emissions: torch.Tensor) -> torch.Tensor:
    """Return the score of each sequence, float64 (paths,); differentiable, `emissions` (length, tags)."""
    start, move, end = crf.start.double(), crf.move.double(), crf.end.double()
    emitted = emissions.double()[torch.arange(len(emissions)), paths].sum(1)
    return start[paths[:, 0]] + emitted + move[paths[:, :-1], paths[:, 1:]].sum(1) + end[paths[:, -1]]


def probabilities(crf: Crf, emissions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return every allowed sequence of one row without padding and the logarithm of its probability."""
    paths = allowed_paths(crf, len(emissions))
    return paths, scores_of(crf, paths, emissions).log_softmax(0)


def legal_tags(crf: Crf, seed: int = 0) -> torch.Tensor:
    """Return an allowed sequence for each row, int64 (batch, time), −100 at padding."""
    generator = torch.Generator().manual_seed(seed)
    tags = torch.full((len(LENGTHS), TIME), -100)
    for row, length in enumerate(LENGTHS):
        paths = allowed_paths(crf, length)
        tags[row, :length] = paths[int(torch.randint(len(paths), (), generator=generator))]
    return tags


def near(ours: torch.Tensor, expected: torch.Tensor, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(ours, expected.to(ours.dtype), rtol=tolerance, atol=tolerance)


# ---- truth: every sequence ----


@pytest.mark.parametrize("seed", range(4))
def test_log_likelihood_is_that_among_all_sequences(crf, emissions, mask, seed):
    tags = legal_tags(crf, seed)
    ours = crf.log_likelihood(emissions, tags, mask)
    assert ours.shape == (len(LENGTHS),)
    assert ours.dtype == torch.float32
    for row, length in enumerate(LENGTHS):
        paths, log_probs = probabilities(crf, emissions[row, :length])
        near(ours[row], log_probs[(paths == tags[row, :length]).all(1)].squeeze())


def gradients(crf: Crf, emissions: torch.Tensor, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients of `loss` by name."""
    leaves = {"emissions": emissions, **dict(crf.named_parameters())}
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()), allow_unused=True), strict=True))


@pytest.mark.parametrize("row_weights", [(1.0, 1.0, 1.0, 1.0), (-2.0, 0.5, 3.0, 0.0)])
def test_gradients_are_those_of_all_sequences_whatever_each_row_counts(crf, emissions, mask, row_weights):
    emissions.requires_grad_()
    tags = legal_tags(crf)
    ours = gradients(crf, emissions, (crf.log_likelihood(emissions, tags, mask) * torch.tensor(row_weights)).sum())
    total = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(LENGTHS):
        paths, log_probs = probabilities(crf, emissions[row, :length])
        total = total + row_weights[row] * log_probs[(paths == tags[row, :length]).all(1)].squeeze()
    for name, expected in gradients(crf, emissions, total).items():
        assert bool(ours[name].any()), name
        near(ours[name], expected, 1e-5)
    assert not ours["emissions"][~mask].any()
    assert not ours["start"][~crf.may_start].any()
    assert not ours["move"][~crf.may_move].any()
    assert not ours["end"][~crf.may_end].any()


def test_gradients_are_the_slopes_of_the_log_likelihood(crf, emissions, mask):
    tags, row_weights = legal_tags(crf), torch.tensor([1.0, -2.0, 0.5, 3.0])

    def value(shift: float, tensor: torch.Tensor, place: int) -> float:
        with torch.no_grad():
            tensor.view(-1)[place] += shift
            found = float((crf.log_likelihood(emissions, tags, mask).double() * row_weights).sum())
            tensor.view(-1)[place] -= shift
        return found

    emissions.requires_grad_()
    found = gradients(crf, emissions, (crf.log_likelihood(emissions, tags, mask) * row_weights).sum())
    for name, tensor in {"emissions": emissions, **dict(crf.named_parameters())}.items():
        slopes = [(value(0.01, tensor, i) - value(-0.01, tensor, i)) / 0.02 for i in range(tensor.numel())]
        near(found[name].flatten(), torch.tensor(slopes), 2e-3)  # float32 sums of some 10 nats over steps of 0.02


def test_a_second_pass_back_gives_the_same_gradients(crf, emissions, mask):
    emissions.requires_grad_()
    loss = crf.log_likelihood(emissions, legal_tags(crf), mask).sum()
    first = torch.autograd.grad(loss, [emissions, crf.move], retain_graph=True)
    for ours, expected in zip(torch.autograd.grad(loss, [emissions, crf.move]), first, strict=True):
        assert torch.equal(ours, expected)


def test_marginals_are_the_summed_probabilities_of_all_sequences(crf, emissions, mask):
    ours = crf.marginals(emissions, mask)
    assert ours.shape == emissions.shape
    assert not ours[~mask].any()
    for row, length in enumerate(LENGTHS):
        paths, log_probs = probabilities(crf, emissions[row, :length])
        for step, tag in product(range(length), range(TAGS)):
            near(ours[row, step, tag], log_probs.exp()[paths[:, step] == tag].sum())


@pytest.mark.parametrize("seed", range(3))
def test_confidence_gives_the_probability_of_every_run_of_tags(crf, emissions, mask, seed):
    tags = legal_tags(crf, seed).clamp(min=0)
    sure = crf.confidence(emissions, tags, mask)
    assert sure.nodes.shape == (len(LENGTHS), TIME)
    assert sure.moves.shape == (len(LENGTHS), TIME - 1)
    for row, length in enumerate(LENGTHS):
        paths, log_probs = probabilities(crf, emissions[row, :length])
        for start in range(length):
            for end in range(start + 1, length + 1):
                holding = (paths[:, start:end] == tags[row, start:end]).all(1)
                ours = sure.nodes[row, start] * sure.moves[row, start : end - 1].prod()
                near(ours, log_probs.exp()[holding].sum(), 1e-12)


def test_confidence_in_tags_that_cannot_be_is_zero_and_no_nan(randomised, emissions, mask):
    crf = randomised(Crf(TAGS, start=torch.tensor([False, True, True])))
    sure = crf.confidence(emissions, torch.zeros(mask.shape, dtype=torch.int64), mask)
    assert not sure.nodes[:, 0].any()
    assert not sure.moves[:, 0].any()


def test_the_best_sequence_is_the_best_of_all(crf, emissions, mask):
    for ours, row, length in zip(crf.decode(emissions, mask), emissions, LENGTHS, strict=True):
        paths, log_probs = probabilities(crf, row[:length])
        assert ours.dtype == np.int64
        assert ours.tolist() == paths[log_probs.argmax()].tolist()


@pytest.mark.parametrize("count", [1, 4, 1_000])
def test_the_likeliest_sequences_come_in_order_with_their_probabilities(crf, emissions, mask, count):
    for ours, row, length in zip(crf.decode_best(emissions, mask, count), emissions, LENGTHS, strict=True):
        paths, log_probs = probabilities(crf, row[:length])
        order = log_probs.argsort(descending=True)[:count]
        assert [path.tags.tolist() for path in ours] == paths[order].tolist()
        near(torch.tensor([path.log_prob for path in ours], dtype=torch.float64), log_probs[order], 1e-6)
        if count == 1_000:
            assert sum(np.exp(path.log_prob) for path in ours) == pytest.approx(1.0, abs=1e-12)


def test_no_path_at_all_cannot_be_asked_for(crf, emissions, mask):
    with pytest.raises(ValueError, match="at least one path, got 0"):
        crf.decode_best(emissions, mask, 0)


def test_a_row_of_one_token_is_a_softmax(emissions):
    crf = Crf(TAGS)
    with torch.no_grad():
        crf.start.copy_(torch.tensor([1.0, 2.0, 3.0]))
        crf.end.copy_(torch.tensor([0.5, -0.5, 0.0]))
    scores = emissions[:, :1] + torch.tensor([1.5, 1.5, 3.0])
    mask, tags = torch.ones(4, 1, dtype=torch.bool), torch.tensor([[0], [1], [2], [0]])
    near(crf.log_likelihood(emissions[:, :1], tags, mask), scores[:, 0].log_softmax(-1).gather(1, tags).squeeze(1))
    near(crf.marginals(emissions[:, :1], mask), scores.softmax(-1))
    assert [path.tolist() for path in crf.decode(emissions[:, :1], mask)] == scores.argmax(-1).tolist()
    assert crf.confidence(emissions[:, :1], tags, mask).moves.shape == (4, 0)


# ---- a peer ----


@pytest.fixture
def peer():
    """Return a function that makes a pytorch-crf with the scores of ours."""
    torchcrf = pytest.importorskip("torchcrf")

    def build(crf: Crf):
        other = torchcrf.CRF(crf.n_tags, batch_first=True)
        other.start_transitions.data.copy_(crf.start.data)
        other.transitions.data.copy_(crf.move.data)
        other.end_transitions.data.copy_(crf.end.data)
        return other

    return build


@pytest.mark.parametrize(
    ("lengths", "tags"), [((21, 40, 1, 33, 2, 40, 17), 9), ((12, 3), 40), ((1, 1, 1), 5), ((130,), 2)]
)
def test_loss_gradients_and_paths_equal_those_of_pytorch_crf(lengths, tags, peer, randomised):
    ours = randomised(Crf(tags), scale=1.0)
    theirs = peer(ours)
    generator = torch.Generator().manual_seed(0)
    mask = mask_of(lengths, max(lengths))
    emissions = (torch.randn(*mask.shape, tags, generator=generator) * 2).requires_grad_()
    gold = torch.randint(tags, mask.shape, generator=generator)
    row_weights = torch.randn(len(lengths), generator=generator)

    near(ours.log_likelihood(emissions, gold, mask), theirs(emissions, gold, mask, reduction="none"), 2e-5)
    (ours.log_likelihood(emissions, gold, mask) * row_weights).sum().backward()
    found, emissions.grad = emissions.grad, None
    (theirs(emissions, gold, mask, reduction="none") * row_weights).sum().backward()
    near(found, emissions.grad, 1e-4)
    for ours_part, theirs_part in (
        (ours.start, theirs.start_transitions),
        (ours.move, theirs.transitions),
        (ours.end, theirs.end_transitions),
    ):
        slopes = torch.zeros_like(theirs_part) if theirs_part.grad is None else theirs_part.grad  # None: no row moves
        near(ours_part.grad, slopes, 2e-4)
    assert [path.tolist() for path in ours.decode(emissions, mask)] == theirs.decode(emissions, mask)


# ---- what must not matter ----


def everything(crf: Crf, emissions: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> dict[str, object]:
    """Return all a CRF says of a batch, cut to real tokens row by row."""
    emissions = emissions.clone().requires_grad_()
    log_likelihood = crf.log_likelihood(emissions, tags, mask)
    (slopes,) = torch.autograd.grad(log_likelihood.sum(), emissions)
    best = crf.decode_best(emissions, mask, 3)
    marginals, sure = crf.marginals(emissions, mask), crf.confidence(emissions, tags.clamp(min=0), mask)
    assert not slopes[~mask].any()
    assert not marginals[~mask].any()
    lengths = mask.sum(1).tolist()
    return {
        "log_likelihood": list(log_likelihood.detach()),
        "slopes": [row[:n] for row, n in zip(slopes, lengths, strict=True)],
        "marginals": [row[:n] for row, n in zip(marginals, lengths, strict=True)],
        "nodes": [row[:n] for row, n in zip(sure.nodes, lengths, strict=True)],
        "moves": [row[: n - 1] for row, n in zip(sure.moves, lengths, strict=True)],
        "best": [torch.from_numpy(path) for path in crf.decode(emissions, mask)],
        "second": [torch.from_numpy(paths[1].tags) for paths in best if len(paths) > 1],
        "log_prob": [torch.tensor(paths[0].log_prob) for paths in best],
    }


def assert_same(ours: dict[str, object], expected: dict[str, object]) -> None:
    for name, rows in expected.items():
        for one, other in zip(ours[name], rows, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6, msg=name)


def test_a_batch_equals_its_rows_one_by_one(crf, emissions, mask):
    tags = legal_tags(crf)
    together = everything(crf, emissions, tags, mask)
    alone = [
        everything(crf, emissions[row : row + 1, :n], tags[row : row + 1, :n], mask[row : row + 1, :n])
        for row, n in enumerate(LENGTHS)
    ]
    assert_same(together, {name: [part for row in alone for part in row[name]] for name in together})


@pytest.mark.parametrize("filling", [0.0, 1e4, -1e30, float("inf"), NEVER, float("nan")])
def test_extra_padding_and_what_stands_at_padding_change_nothing(crf, emissions, mask, filling):
    tags = legal_tags(crf)
    expected = everything(crf, emissions, tags, mask)
    pad = torch.nn.functional.pad
    wide_mask = pad(mask, (0, 9))
    wide = pad(emissions, (0, 0, 0, 9)).masked_fill(~wide_mask.unsqueeze(-1), filling)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(everything(crf, wide, pad(tags, (0, 9), value=2), wide_mask), expected)


def test_scores_of_what_is_forbidden_are_never_read(emissions, mask):
    rules = torch.tensor([[True, False, True], [True, True, True], [False, True, True]])
    crf = Crf(TAGS, start=rules[0], move=rules, end=rules[2])
    expected = everything(crf, emissions, legal_tags(crf), mask)
    with torch.no_grad():
        for part, fine in ((crf.start, rules[0]), (crf.move, rules), (crf.end, rules[2])):
            part.masked_fill_(~fine, 1e9)
    assert_same(everything(crf, emissions, legal_tags(crf), mask), expected)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 100.0, 1e4]))
def test_no_illegal_sequence_is_ever_decoded(seed, scale):
    generator = torch.Generator().manual_seed(seed)
    start, end = (torch.rand(5, generator=generator) < 0.5 for _ in range(2))
    move = torch.rand(5, 5, generator=generator) < 0.5
    start[0] = end[0] = move[0, 0] = True  # so that there is a sequence of each length
    crf = Crf(5, start=start, move=move, end=end)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    mask = mask_of((7, 1, 4), 7)
    emissions = torch.randn(3, 7, 5, generator=generator) * scale
    found = [
        *crf.decode(emissions, mask),
        *(path.tags for paths in crf.decode_best(emissions, mask, 5) for path in paths),
    ]
    for path in found:
        assert start[path[0]] and end[path[-1]]
        assert bool(move[path[:-1], path[1:]].all())
    assert [len(path) for path in found[:3]] == [7, 1, 4]


def test_works_in_inference_mode_and_without_gradients(crf, emissions, mask):
    tags = legal_tags(crf)
    expected = crf.log_likelihood(emissions, tags, mask)
    with torch.no_grad():
        assert not crf.log_likelihood(emissions, tags, mask).requires_grad
    with torch.inference_mode():
        near(crf.log_likelihood(emissions, tags, mask), expected, 0)
        near(crf.marginals(emissions, mask).sum(-1), mask.float())
        assert crf.confidence(emissions, tags.clamp(min=0), mask).nodes.shape == mask.shape
        inner = emissions * 1.0  # made here, so a tensor that can never enter autograd
        assert [path.tolist() for path in crf.decode(inner, mask)] == [
            paths[0].tags.tolist() for paths in crf.decode_best(inner, mask, 1)
        ]


def test_bfloat16_around_it_changes_nothing(crf, emissions, mask):
    tags = legal_tags(crf)
    exact = everything(crf, emissions, tags, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = everything(crf, emissions, tags, mask)
    for name in exact:
        for ours, expected in zip(within[name], exact[name], strict=True):
            assert torch.equal(ours, expected), name


def test_marginals_decoding_and_confidence_build_no_graph(crf, emissions, mask):
    emissions.requires_grad_()
    assert not crf.marginals(emissions, mask).requires_grad
    assert not crf.confidence(emissions, legal_tags(crf).clamp(min=0), mask).nodes.requires_grad
    assert len(crf.decode(emissions, mask)) == len(LENGTHS)


# ---- long rows, large scores ----


def by_recursion(crf: Crf, emissions: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """Return the log-likelihood of one row without padding, float64 and differentiable, in logarithms."""
    start, move, end = (part.double() for part in crf.scores())
    left = start + emissions[0].double()
    for emission in emissions[1:].double():
        left = torch.logsumexp(left.unsqueeze(1) + move, 0) + emission
    return scores_of(crf, tags.unsqueeze(0), emissions).squeeze(0) - torch.logsumexp(left + end, 0)


def legal_walk(crf: Crf, length: int, generator: torch.Generator) -> torch.Tensor:
    """Return a random allowed sequence that begins and ends with tag 0."""
    tags = torch.zeros(length, dtype=torch.int64)
    for step in range(1, length - 1):
        choices = (crf.may_move[tags[step - 1]] & crf.may_move[:, 0]).nonzero().flatten()
        tags[step] = choices[int(torch.randint(len(choices), (), generator=generator))]
    return tags


@pytest.fixture
def chunky(randomised) -> Crf:
    """A CRF with the rules of two kinds of chunks in IOB2 and random scores: O, B-X, I-X, B-Y, I-Y."""
    start = torch.tensor([True, True, False, True, False])
    move = torch.ones(5, 5, dtype=torch.bool)
    move[[0, 3, 4], 2] = move[[0, 1, 2], 4] = False
    return randomised(Crf(5, start=start, move=move), scale=1.0)


@pytest.mark.parametrize(("length", "scale"), [(1_200, 3.0), (5_000, 3.0), (300, 1e4), (40, 1e4)])
def test_long_rows_and_extreme_scores_stay_finite_and_equal_a_recursion_in_logarithms(chunky, length, scale):
    lengths = (length, length // 4, 1)
    generator = torch.Generator().manual_seed(0)
    mask = mask_of(lengths, length)
    emissions = ((torch.rand(3, length, 5, generator=generator) * 2 - 1) * scale).requires_grad_()
    tags = torch.zeros(3, length, dtype=torch.int64)
    for row, n in enumerate(lengths):
        tags[row, :n] = legal_walk(chunky, n, generator)
    ours = chunky.log_likelihood(emissions, tags, mask)
    expected = torch.stack([by_recursion(chunky, emissions[r, :n], tags[r, :n]) for r, n in enumerate(lengths)])
    torch.testing.assert_close(ours.double(), expected, rtol=1e-6, atol=1e-4)
    row_weights = torch.tensor([1.0, -0.5, 2.0])
    found = gradients(chunky, emissions, (ours * row_weights).sum())
    for name, slopes in gradients(chunky, emissions, (expected * row_weights).sum()).items():
        assert bool(found[name].isfinite().all()), name
        torch.testing.assert_close(found[name], slopes, rtol=1e-5, atol=1e-5, msg=name)
    near(chunky.marginals(emissions, mask).sum(-1), mask.float(), 1e-5)


def test_extreme_scores_are_summed_in_logarithms_and_ordinary_ones_are_not(chunky, monkeypatch):
    seen = []
    slow = sums.sum_in_logarithms
    monkeypatch.setattr(sums, "sum_in_logarithms", lambda lattice: seen.append(1) or slow(lattice))
    mask = mask_of((60, 7), 60)
    emissions = torch.randn(2, 60, 5, generator=torch.Generator().manual_seed(0))
    for scale, slowly in ((1.0, 0), (20.0, 0), (1e4, 1)):
        seen.clear()
        assert bool(chunky.marginals(emissions * scale, mask).isfinite().all())
        assert len(seen) == slowly


def test_gradients_and_confidence_are_the_same_in_logarithms(crf, emissions, mask, monkeypatch):
    tags = legal_tags(crf)
    expected = everything(crf, emissions, tags, mask)
    emissions.requires_grad_()
    slopes = gradients(crf, emissions, crf.log_likelihood(emissions, tags, mask).sum())
    monkeypatch.setattr(sums, "sum_in_loops", lambda *batch: None)
    assert_same(everything(crf, emissions.detach(), tags, mask), expected)
    for name, ours in gradients(crf, emissions, crf.log_likelihood(emissions, tags, mask).sum()).items():
        near(ours, slopes[name])


def test_training_on_it_learns_which_tag_follows_which():
    # Emissions say nothing; the right sequence goes round 0, 1, 2, 0, …: only the moves can tell.
    crf, mask = Crf(TAGS), mask_of((9, 5, 2), 9)
    tags = (torch.arange(9) + torch.tensor([[0], [1], [2]])) % TAGS
    optimizer = torch.optim.Adam(crf.parameters(), lr=0.3)
    emissions = torch.zeros(3, 9, TAGS)
    for _ in range(60):
        optimizer.zero_grad()
        (-crf.log_likelihood(emissions, tags, mask).sum()).backward()
        optimizer.step()
    assert float(crf.log_likelihood(emissions, tags, mask).detach().min()) > -1.5  # one of three beginnings: −log 3
    for path in crf.decode(emissions, mask):
        assert ((path[1:] - path[:-1]) % TAGS == 1).all()
