"""What is read from a word's letters, against convolutions and cells written out, and spellings on their own."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.spelling import READERS, WIDTHS, CharacterCnn, CharacterLstm, SpellingFeatures

CHARACTERS, EMBED, SIZE = 11, 3, 8
WORDS = ([3, 7, 2, 9], [5], [8, 8, 1, 4, 10, 2, 6], [2, 3])
CASINGS = torch.tensor([2, 0, 1, 2])


def padded(words, *, extra: int = 0) -> torch.Tensor:
    """Return spellings with zeros behind them, int64 (spellings, length)."""
    rows = torch.zeros(len(words), max(5, *map(len, words)) + extra, dtype=torch.int64)
    for row, word in zip(rows, words, strict=True):
        row[: len(word)] = torch.tensor(word)
    return rows


def close(ours: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


@pytest.fixture(params=READERS)
def reader(request, randomised):
    return randomised(READERS[request.param](CHARACTERS, EMBED, SIZE))


@pytest.mark.parametrize("way", ["_in_loops", "_as_products"])
@pytest.mark.parametrize("word", WORDS)
def test_the_convolution_is_each_filters_strongest_answer_inside_the_word(word, way, randomised):
    cnn = randomised(CharacterCnn(CHARACTERS, EMBED, SIZE))
    expected = []
    for width, filters in zip(WIDTHS, cnn.filters, strict=True):
        letters = [cnn.embedding.weight[number] for number in word + [0] * (width - len(word))]
        windows = [torch.cat(letters[first : first + width]) for first in range(len(letters) - width + 1)]
        answers = torch.stack([filters.weight @ window + filters.bias for window in windows])
        expected.append(answers.amax(0))
    close(getattr(cnn, way)(padded(WORDS))[WORDS.index(word)], torch.cat(expected))
    close(cnn(padded(WORDS))[WORDS.index(word)], torch.relu(torch.cat(expected)))


@pytest.mark.parametrize("size", [4, 8, 36])
def test_loops_and_products_give_the_same_answers_and_gradients(size, randomised):
    cnn = randomised(CharacterCnn(CHARACTERS, EMBED, size))
    with torch.no_grad():
        cnn.embedding.weight[0] = 0.0  # as it always is
    generator = torch.Generator().manual_seed(0)
    words = [torch.randint(1, CHARACTERS, (length,), generator=generator).tolist() for length in range(1, 20)]
    weights = torch.randn(len(words), size, generator=generator)
    found = []
    for way in (cnn._in_loops, cnn._as_products):
        cnn.zero_grad()
        answers = way(padded(words))
        (answers * weights).sum().backward()
        found.append((answers.detach(), [parameter.grad.clone() for parameter in cnn.parameters()]))
    (ours, slopes), (theirs, same) = found
    close(ours, theirs)
    assert all(bool(part.any()) for part in slopes)
    torch.testing.assert_close(slopes, same, rtol=1e-5, atol=1e-5)


def test_a_window_that_comes_twice_counts_once():
    cnn = CharacterCnn(CHARACTERS, EMBED, SIZE)
    cnn._in_loops(padded([[4, 4, 4, 4, 4, 4]])).sum().backward()
    for width, filters in zip(WIDTHS, cnn.filters, strict=True):
        expected = cnn.embedding.weight[4].detach().repeat(SIZE // len(WIDTHS), width)
        close(filters.weight.grad, expected)


@pytest.mark.parametrize("word", WORDS)
def test_the_recurrent_reader_says_where_both_directions_end(word, randomised, encode_by_hand):
    reader = randomised(CharacterLstm(CHARACTERS, EMBED, SIZE))
    _, (forwards, backwards) = encode_by_hand(reader.encoder, torch.tensor(word))
    close(reader(padded(WORDS))[WORDS.index(word)], torch.cat([forwards.h, backwards.h]))


def test_a_spelling_alone_reads_as_among_others_and_with_more_padding(reader):
    together = reader(padded(WORDS))
    assert together.shape == (len(WORDS), SIZE)
    for row, word in enumerate(WORDS):
        close(reader(padded([word]))[0], together[row])
    close(reader(padded(WORDS, extra=9)), together)
    close(reader(padded(WORDS[::-1])), together.flip(0))


def test_the_order_of_the_letters_matters(reader):
    one, other = reader(padded([[3, 7, 2, 9, 5, 1], [3, 2, 7, 9, 5, 1]]))
    assert not torch.allclose(one, other, atol=1e-3)


def test_gradients_are_those_of_each_spelling_alone(reader):
    (reader(padded(WORDS)) * torch.arange(1.0, SIZE + 1)).square().sum().backward()
    together = {name: parameter.grad.clone() for name, parameter in reader.named_parameters()}
    reader.zero_grad()
    for word in WORDS:
        (reader(padded([word])) * torch.arange(1.0, SIZE + 1)).square().sum().backward()
    for name, parameter in reader.named_parameters():
        assert bool(together[name].any()), name
        torch.testing.assert_close(together[name], parameter.grad, rtol=1e-5, atol=1e-5, msg=name)


def test_the_row_of_padding_is_zero_and_stays_so():
    for build in READERS.values():
        reader = build(CHARACTERS, EMBED, SIZE)
        reader(padded(WORDS)).sum().backward()
        table = (reader.encoder if isinstance(reader, CharacterLstm) else reader).embedding.weight
        assert not table[0].any()
        assert not table.grad[0].any()


@pytest.mark.parametrize("name", READERS)
def test_letters_start_as_loud_as_torch_draws_them(name):
    torch.manual_seed(0)
    reader = READERS[name](500, 40, SIZE)
    table = (reader.encoder if isinstance(reader, CharacterLstm) else reader).embedding.weight
    # of 20,000 draws: ten standard deviations of their spread
    assert float(table[1:].detach().std()) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("size", [1, 7])
def test_an_odd_width_is_refused_by_a_reader_of_two_directions(size):
    with pytest.raises(ValueError, match=f"must be even, not {size}"):
        CharacterLstm(CHARACTERS, EMBED, size)
    with pytest.raises(ValueError, match=f"must be even, not {size}"):
        SpellingFeatures(CHARACTERS, 0, reader="lstm", embed_size=EMBED, size=size)


@pytest.mark.parametrize("size", [1, 6])
def test_a_width_that_the_kinds_of_filters_do_not_divide_is_refused(size):
    with pytest.raises(ValueError, match=f"a multiple of 4, not {size}"):
        CharacterCnn(CHARACTERS, EMBED, size)


@pytest.mark.parametrize("n_casings", [0, 3])
@pytest.mark.parametrize("reader", [*READERS, "none"])
def test_features_are_those_of_the_letters_then_the_casing(reader, n_casings, randomised):
    if reader == "none" and not n_casings:
        pytest.skip("nothing to say")
    features = SpellingFeatures(CHARACTERS, n_casings, reader=reader, embed_size=EMBED, size=SIZE, casing_size=5)
    randomised(features)
    expected = []
    if reader != "none":
        expected.append(features.reader(padded(WORDS)))
    if n_casings:
        expected.append(features.casing.weight[CASINGS])
    ours = features(padded(WORDS), CASINGS)
    assert ours.shape == (len(WORDS), features.output_size)
    assert features.output_size == SIZE * (reader != "none") + 5 * bool(n_casings)
    close(ours, torch.cat(expected, -1))


def test_without_letters_and_casing_there_are_no_features():
    features = SpellingFeatures(CHARACTERS, 0, reader="none", embed_size=EMBED, size=SIZE)
    assert features.output_size == 0
    assert not list(features.parameters())


def test_an_unknown_reader_is_refused():
    with pytest.raises(KeyError, match="sound"):
        SpellingFeatures(CHARACTERS, 0, reader="sound", embed_size=EMBED, size=SIZE)


@pytest.mark.parametrize("n_casings", [0, 3])
@pytest.mark.parametrize("reader", READERS)
def test_features_are_float32_and_near_the_exact_ones_in_bfloat16(reader, n_casings, randomised, autocast):
    features = randomised(SpellingFeatures(CHARACTERS, n_casings, reader=reader, embed_size=EMBED, size=SIZE))
    exact = features(padded(WORDS), CASINGS)
    with autocast(True):
        rounded = features(padded(WORDS), CASINGS)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
