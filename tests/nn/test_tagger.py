"""The tagger: its parts in order, scores that no neighbour changes, and paths that weigh or only forbid."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
from torch.nn import functional

from nlp_lstm.nn.crf import Crf
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.spelling import SpellingFeatures
from nlp_lstm.nn.tagger import Tagger, tag_loss

LENGTHS = (4, 7, 1, 6)
WORDS, CHARACTERS, CASINGS, SPELLINGS = 13, 11, 3, 9
TAGS, AUXILIARY = 4, 5


def rules() -> dict[str, torch.Tensor]:
    """Return a start, moves and an end of which some are forbidden."""
    move = torch.ones(TAGS, TAGS, dtype=torch.bool)
    move[0, 1] = move[2, 2] = move[3, 0] = False
    return {
        "start": torch.tensor([True, True, False, True]),
        "move": move,
        "end": torch.tensor([True, True, True, False]),
    }


@pytest.fixture
def make(randomised):
    """Return a function that makes a small tagger with random parameters, in eval."""

    def build(*, reader="cnn", casings=CASINGS, whole=True, n_auxiliary=AUXILIARY, dropout=0.0) -> Tagger:
        spelling = SpellingFeatures(CHARACTERS, casings, reader=reader, embed_size=3, size=8, casing_size=2)
        encoder = Encoder(
            WORDS,
            4,
            5,
            n_layers=2,
            bidirectional=True,
            extra_size=spelling.output_size,
            layer_norm=True,
            dropout=dropout,
        )
        paths = Crf(TAGS, **rules())
        return randomised(Tagger(encoder, spelling, paths, whole=whole, n_auxiliary=n_auxiliary)).eval()

    return build


@pytest.fixture
def sentences(ragged):
    """Return ids, mask, spellings, characters and casings of a ragged batch."""
    ids, mask = ragged(LENGTHS, time=8)
    generator = torch.Generator().manual_seed(0)
    spellings = torch.randint(SPELLINGS, ids.shape, generator=generator).masked_fill(~mask, 0)
    characters = torch.zeros(SPELLINGS, 7, dtype=torch.int64)
    for row in range(SPELLINGS):
        length = 1 + row % 5
        characters[row, :length] = torch.randint(1, CHARACTERS, (length,), generator=generator)
    casings = torch.randint(CASINGS, (SPELLINGS,), generator=generator)
    return ids, mask, spellings, characters, casings


@pytest.fixture
def tags(sentences):
    """Return allowed tags of each sentence, and any of the second kind."""
    _, mask, *_ = sentences
    legal = rules()
    generator = torch.Generator().manual_seed(1)
    found = torch.zeros(mask.shape, dtype=torch.int64)
    for row, length in enumerate(LENGTHS):
        while True:  # one of 20 tries or so is allowed
            path = torch.randint(TAGS, (length,), generator=generator)
            if legal["start"][path[0]] and legal["end"][path[-1]] and legal["move"][path[:-1], path[1:]].all():
                break
        found[row, :length] = path
    return found, torch.randint(AUXILIARY, mask.shape, generator=generator)


def close(ours: torch.Tensor, expected: torch.Tensor, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(ours, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("reader", "casings"), list(product(("cnn", "lstm", "none"), (0, CASINGS))))
def test_is_spellings_beside_words_then_the_encoder_then_a_linear_map(reader, casings, make, sentences):
    tagger = make(reader=reader, casings=casings)
    ids, mask, spellings, characters, kinds = sentences
    extra = None
    if reader != "none" or casings:
        features = tagger.spelling(characters, kinds)  # (spellings, extra)
        extra = torch.stack([torch.stack([features[number] for number in row]) for row in spellings])
    encoded = tagger.encoder(ids, mask, extra=extra, keep_layers=True)
    scores = tagger(*sentences)
    close(scores.tags, encoded.states @ tagger.output.weight.T + tagger.output.bias)
    expected = encoded.layers[0] @ tagger.auxiliary.weight.T + tagger.auxiliary.bias
    close(scores.auxiliary[mask], expected[mask])


def test_the_second_kind_of_tags_is_read_from_the_lowest_layer(make, sentences):
    tagger = make()
    before = tagger(*sentences)
    with torch.no_grad():
        for parameter in tagger.encoder.stack.layers[1].parameters():
            parameter.add_(1.0)
    after = tagger(*sentences)
    close(after.auxiliary, before.auxiliary, 0)
    assert not torch.allclose(after.tags, before.tags, atol=1e-2)


def test_there_are_no_scores_of_a_second_kind_without_one(make, sentences):
    assert make(n_auxiliary=0)(*sentences).auxiliary is None


@pytest.mark.parametrize("reader", ["cnn", "lstm", "none"])
def test_a_sentence_alone_scores_as_in_a_batch_of_any_order_and_padding(reader, make, sentences):
    tagger = make(reader=reader)
    ids, mask, spellings, characters, casings = sentences
    scores = tagger(*sentences)
    order = torch.tensor([3, 1, 0, 2])
    wide = (functional.pad(tensor[order], (0, 30)) for tensor in (ids, mask, spellings))
    shuffled = tagger(*wide, functional.pad(characters, (0, 6)), casings)
    for kind in ("tags", "auxiliary"):
        whole, moved = getattr(scores, kind), getattr(shuffled, kind)
        close(moved[:, :8][mask[order]], whole[order][mask[order]])
    for row, length in enumerate(LENGTHS):
        used, places = spellings[row, :length].unique(return_inverse=True)  # only its own spellings, renumbered
        cut = (ids[row : row + 1, :length], mask[row : row + 1, :length], places.unsqueeze(0))
        alone = tagger(*cut, characters[used], casings[used])
        close(alone.tags[0], scores.tags[row, :length])
        close(alone.auxiliary[0], scores.auxiliary[row, :length])


def test_the_loss_of_whole_sequences_is_theirs_and_counts_words(make, sentences, tags):
    tagger, mask = make(), sentences[1]
    emissions = tagger(*sentences).tags
    loss = tagger.loss(emissions, tags[0], mask)
    close(loss.total, -tagger.paths.log_likelihood(emissions, tags[0], mask).sum(), 0)
    assert loss.n_items == sum(LENGTHS)


def test_the_loss_of_each_words_tag_is_its_surprise_and_counts_words(make, sentences, tags):
    tagger, mask = make(whole=False), sentences[1]
    emissions = tagger(*sentences).tags
    expected = torch.zeros(())
    for row, length in enumerate(LENGTHS):
        for step in range(length):
            expected = expected - emissions[row, step].log_softmax(-1)[tags[0][row, step]]
    loss = tagger.loss(emissions, tags[0], mask)
    close(loss.total, expected, 1e-4)
    assert loss.n_items == sum(LENGTHS)


def test_what_stands_at_padding_is_not_in_the_loss_of_tags(sentences, tags):
    mask = sentences[1]
    scores = torch.randn(*mask.shape, TAGS, generator=torch.Generator().manual_seed(0))
    clean = tag_loss(scores, tags[0], mask)
    dirty = tag_loss(scores.masked_fill(~mask.unsqueeze(-1), float("nan")), tags[0].masked_fill(~mask, -7), mask)
    assert torch.equal(clean.total, dirty.total)


@pytest.mark.parametrize("whole", [True, False])
def test_gradients_reach_every_parameter_that_should_learn_and_no_other(whole, make, sentences, tags):
    tagger, mask = make(whole=whole, dropout=0.3).train(), sentences[1]
    torch.manual_seed(0)
    scores = tagger(*sentences)
    second = tag_loss(scores.auxiliary, tags[1], mask)
    (tagger.loss(scores.tags, tags[0], mask).total + second.total).backward()
    for name, parameter in tagger.named_parameters():
        if name.startswith("paths.") and not whole:
            assert not parameter.requires_grad
            assert parameter.grad is None
        else:
            assert bool(parameter.grad.isfinite().all()) and bool(parameter.grad.any()), name


def test_without_whole_sequences_paths_weigh_nothing_but_still_exclude_illegal_ones(sentences):
    # Built anew: the scores of moves stay the zeros they start as.
    encoder = Encoder(WORDS, 4, 5)
    spelling = SpellingFeatures(CHARACTERS, 0, reader="none", embed_size=3, size=8)
    tagger = Tagger(encoder, spelling, Crf(TAGS, **rules()), whole=False)
    mask = sentences[1]
    legal = rules()
    emissions = torch.randn(*mask.shape, TAGS, generator=torch.Generator().manual_seed(2))
    for path, row, length in zip(tagger.paths.decode(emissions, mask), emissions, LENGTHS, strict=True):
        best = (-float("inf"), ())
        for each in product(range(TAGS), repeat=length):  # 4⁷ at most
            fine = legal["start"][each[0]] and legal["end"][each[-1]]
            if fine and all(legal["move"][a, b] for a, b in pairwise(each)):
                best = max(best, (float(row[range(length), each].double().sum()), each))
        assert tuple(path.tolist()) == best[1]
    free = torch.zeros_like(emissions).scatter_(2, torch.ones(*mask.shape, 1, dtype=torch.int64), 9.0)
    assert [path.tolist() for path in tagger.paths.decode(free, mask)] == [[1] * length for length in LENGTHS]


def test_emissions_are_float32_and_near_the_exact_ones_in_bfloat16(make, sentences, tags, autocast):
    tagger = make()
    exact = tagger(*sentences)
    with autocast(True):
        rounded = tagger(*sentences)
        loss = tagger.loss(exact.tags, tags[0], sentences[1])
    assert rounded.tags.dtype == rounded.auxiliary.dtype == torch.float32
    torch.testing.assert_close(rounded.tags, exact.tags, rtol=0.05, atol=0.2)
    assert torch.equal(loss.total, tagger.loss(exact.tags, tags[0], sentences[1]).total)
