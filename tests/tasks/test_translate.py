"""The translator as a task: long and empty texts, what the search is told, attention, a made language it learns."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from nlp_lstm.config import (
    DataSettings,
    EncoderSettings,
    TokenizerSettings,
    TrainingSettings,
    VocabularySettings,
    problems_of,
)
from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.nn.search import beam_search
from nlp_lstm.records.examples import SentencePair
from nlp_lstm.records.predictions import Translation
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.tasks import translation_search
from nlp_lstm.tasks.passages import WINDOW, cut_passages
from nlp_lstm.tasks.translate import SPECIALS, Translate, TranslateSettings
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.pair_tokenizer import PairTokenizer
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.subwords import train_subwords
from nlp_lstm.text.vocabulary import Vocabulary

SMALL = {"embed_size": 6, "hidden_size": 8, "dropout": 0.0}
PAIRS = [
    SentencePair("a dog runs", "ein Hund läuft"),
    SentencePair("so it is", "so ist es"),
    SentencePair("the dog is it", "der Hund ist es"),
]
SENTENCES = "A dog runs . So it is ! The dog is so . A dog ?  "
SCORED = [
    *PAIRS,
    SentencePair("", "ein Hund"),
    SentencePair(" ", "ein Hund"),
    SentencePair("\t\u00a0\u3000", ""),
    SentencePair("<br>", "ein Hund"),
    SentencePair(SENTENCES * 20, "ein Hund läuft"),
    SentencePair("the dog so " * 200, "der Hund ist es"),
]
"""Also what has no token, and what is translated in parts."""


def made(pairs: list[SentencePair], tokenizer: PairTokenizer, **settings: object) -> Translate:
    tokens = Translate.tokenize(pairs, tokenizer, cache=None)
    vocabularies = Translate.build_vocabularies(tokens, tokenizer, VocabularySettings(min_count=1))
    return Translate.from_examples(pairs, TranslateSettings(**{**SMALL, **settings}), tokenizer, vocabularies)


@pytest.fixture(scope="module")
def task() -> Translate:
    return made(PAIRS, PairTokenizer(RegexWords(), RegexWords()))


def network(task: Translate, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    made = task.build(EncoderSettings(embed_size=5, hidden_size=4)).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(std=0.8)
    return made


@pytest.fixture(scope="module")
def model(task) -> torch.nn.Module:
    return network(task, 2)


def test_an_empty_text_is_an_empty_translation_and_a_long_one_is_read_to_its_end(task, model):
    blank, long, tail = task.answer(model, [" ", "a dog " * WINDOW, "a dog"])
    assert (blank.text, blank.score) == ("", 0.0)
    window = task.answer(model, ["a dog " * (WINDOW // 2)])[0].text
    assert long.text == f"{window} {window}"
    assert task.answer(model, ["a dog " * (WINDOW // 2) + "a dog"])[0].text == f"{window} {tail.text}"


@pytest.mark.parametrize("target", [ByteSymbols(), train_subwords(["a dog runs"] * 2, vocab_size=258)])
@pytest.mark.parametrize("options", [{}, {"attention": True}, {"n_best": 3}, {"beam": 1}], ids=str)
def test_white_space_is_an_empty_translation_however_a_text_is_cut(target, options):
    spelled = made(PAIRS, PairTokenizer(target, target))
    blanks = ["", " ", " \t\u00a0\u3000", "\n\n"]
    found = spelled.answer(network(spelled, 1), [*blanks, "a"], **options)
    nothing = Translation("", 0.0)
    assert found[:-1] == [replace(nothing, alternatives=(nothing,) if "n_best" in options else ())] * len(blanks)
    assert found[-1].text


def test_pieces_are_split_in_training_only_and_as_often_as_the_settings_say():
    cutter = train_subwords([pair.target_text for pair in PAIRS] * 9, vocab_size=290)
    lengths, surprise = {}, []
    for probability in (0.0, 0.9):
        task = made(PAIRS, PairTokenizer(cutter, cutter), piece_dropout=probability)
        rows = task.encode(Translate.tokenize(PAIRS, task.tokenizer, cache=None))
        batches = task.batches(rows, PAIRS, TrainingSettings())
        assert batches.split == probability
        surprise.append(task._nats(network(task, 1), PAIRS))
        (batch,) = batches.epoch(0)
        for ids in batch.source, batch.inputs, batch.targets:
            assert not (ids == task.source.unknown_id).any()
        texts = {task.tokenizer.decode([task.target.token(n) for n in row if n > 3]) for row in batch.targets.tolist()}
        assert texts == {pair.target_text for pair in PAIRS}
        lengths[probability] = [int(batch.source_mask.sum()), int(batch.target_mask.sum())]
    assert all(after > before for before, after in zip(*lengths.values(), strict=True))
    assert surprise[0] == surprise[1]  # held-out pairs are read as they are


def test_words_have_no_halves():
    with pytest.raises(UsageError, match=r"^head\.piece_dropout needs tokenizer\.kind 'subwords', found 'regex'$"):
        made(PAIRS, PairTokenizer(RegexWords(), RegexWords()), piece_dropout=0.1)


def test_the_loss_of_two_readings_is_the_networks_with_the_weight_of_the_settings():
    task = made(PAIRS, PairTokenizer(RegexWords(), RegexWords()), dropout=0.5, consistency=7.0)
    model = network(task, 1).train()
    rows = task.encode(task.tokenize(PAIRS, task.tokenizer, cache=None))
    batch = next(iter(task.batches(rows, PAIRS, TrainingSettings()).epoch(0)))
    totals = []
    for weight in (None, 7.0, 1.0):
        torch.manual_seed(3)
        smoothing = task.settings.label_smoothing
        given = model.loss(*batch, label_smoothing=smoothing, consistency=weight) if weight else task.loss(model, batch)
        totals.append(given.total.item())
    assert totals[0] == totals[1] > totals[2]


def test_a_beam_of_one_is_what_training_looks_at(task, model):
    rows = task.encode(Translate.tokenize(SCORED, task.tokenizer, cache=None))
    greedy = [each.text for each in task.answer(model, [pair.source_text for pair in SCORED], beam=1)]
    assert task.predict(model, rows, quick=True) == greedy


@pytest.mark.parametrize("tokenizer", [RegexWords(strip_markup=True), ByteSymbols()], ids=lambda each: each.kind)
def test_what_is_scored_is_what_is_answered(tokenizer):
    task = made(PAIRS, PairTokenizer(tokenizer, tokenizer))
    model = network(task, 2)
    rows = task.encode(Translate.tokenize(SCORED, task.tokenizer, cache=None))
    answers = [each.text for each in task.answer(model, [pair.source_text for pair in SCORED])]
    assert answers[-1] and answers[-2] and (answers[3:6] == ["", "", ""])
    assert task.predict(model, rows) == answers


def test_what_is_scored_is_cut_once_and_only_where_it_is_scored(task, model, monkeypatch):
    calls: list[int] = []

    def counted(*arguments, **options):
        calls.append(len(arguments[0]))
        return cut_passages(*arguments, **options)

    monkeypatch.setattr("nlp_lstm.tasks.translate.cut_passages", counted)
    rows = task.encode(Translate.tokenize(SCORED, task.tokenizer, cache=None))
    assert sum(len(batch.source) for batch in task.batches(rows, SCORED, TrainingSettings()).epoch(0)) == len(SCORED)
    assert calls == []
    assert task.predict(model, rows, quick=True) == task.predict(model, rows, quick=True)
    assert calls == [len(SCORED)]


@pytest.mark.parametrize("lowercase", [False, True])
def test_a_model_of_lower_case_is_scored_so(lowercase):
    words = RegexWords(lowercase=lowercase)
    pairs = [SentencePair("So Ada left Oslo", "Dann ging Ada aus Oslo fort"), *PAIRS]
    task = made(pairs, PairTokenizer(words, words))
    written = [pair.target_text.lower() for pair in pairs]
    report = task.report(pairs, written)
    assert (report.names == 1, report.bleu > 99, report.chrf > 99) == (lowercase,) * 3
    assert (task.score(pairs, written) > 0.99) == lowercase
    assert report.bleu_tok_lc > 99 and ("case:lc" in report.signature) == lowercase


def test_training_leaves_pairs_out_and_says_how_many_while_scoring_takes_all(tmp_path):
    (tmp_path / "a.tsv").write_text("a dog\tein Hund\n\tnichts\nso\t" + "so " * 90 + "\n", encoding="utf-8")
    told: list[str] = []
    source, data = str(tmp_path / "a.tsv"), DataSettings()
    assert len(Translate.read(source, data, RegexWords, note=told.append)) == 1
    assert told == ["left out 2 pairs: 1 with an empty side, 1 of too unequal length"]
    assert len(Translate.read(source, data, RegexWords)) == 3


def test_training_says_what_is_odd_about_all_of_its_pairs_and_uses_them(tmp_path):
    source, told = tmp_path / "a.tsv", []
    source.write_text("English\tGerman\nso it is\tso it is\na dog\ta dog\n", encoding="utf-8")
    assert len(Translate.read(str(source), DataSettings(), RegexWords, note=told.append)) == 3
    assert [line.split(": ")[1].split(" ")[:3] for line in told] == [["'English'", "and", "'German'"], ["2", "of", "3"]]


@pytest.mark.parametrize(
    "options",
    [
        {"beam": 1},
        {"n_best": 3},
        {"length_penalty": 0.0},
        {"coverage_penalty": 2.0},
        {"block_ngrams": 1},
        {"attention": True},
    ],
    ids=str,
)
def test_every_option_of_the_search_changes_something(task, options):
    texts = [*(pair.source_text for pair in PAIRS), "it is the dog so runs a " * 9]
    models = [network(task, seed) for seed in range(6)]
    assert any(task.answer(model, texts, **options) != task.answer(model, texts) for model in models)


def test_memory_does_not_grow_with_the_beam_and_no_answer_depends_on_it(task, model, monkeypatch):
    texts = [pair.source_text for pair in PAIRS] * 4
    sizes: list[tuple[int, int]] = []

    def counted(step, state, n_sentences, options, *, source_lengths):
        sizes.append((n_sentences, options.beam_size))
        return beam_search(step, state, n_sentences, options, source_lengths=source_lengths)

    expected = task.answer(model, texts, beam=40)
    monkeypatch.setattr("nlp_lstm.tasks.translation_search.beam_search", counted)
    monkeypatch.setattr("nlp_lstm.tasks.translation_search.HYPOTHESES", 100)
    assert [each.text for each in task.answer(model, texts, beam=40)] == [each.text for each in expected]
    assert {n * beam <= 100 for n, beam in sizes} == {True} and len(sizes) == -(-len(texts) // 2)
    sizes.clear()
    task.answer(model, texts[:2], beam=101)
    assert sizes == [(1, 101), (1, 101)]


WRONG = {
    "beam": (0, -3, 1001, "x", 2.5, float("nan")),
    "n_best": (-1, 1001),
    "length_penalty": (-0.1, float("nan"), float("inf"), 101),
    "coverage_penalty": (-2.0, float("nan"), float("inf")),
    "block_ngrams": (-1, 0.5),
    "attention": ("maybe",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_an_option_out_of_its_range_is_refused_in_one_line(task, model, name, value):
    with pytest.raises(UsageError, match=f"^a text cannot be translated so: {name}: expected .*, found {value!r}$"):
        task.answer(model, ["the dog"], **{name: value})


def test_all_wrong_options_are_told_together_and_the_recipes_own_have_the_same_bounds(task, model):
    with pytest.raises(UsageError, match=r"2 problems\n  beam: .* at least 1, found 0\n  block_ngrams: "):
        task.answer(model, ["the dog"], beam=0, block_ngrams=-1)
    assert problems_of(TranslateSettings, {"beam": 1001, "length_penalty": -1, "max_length_ratio": -1}) == [
        "beam: expected at most 1000, found 1001",
        "length_penalty: expected at least 0, found -1",
        "max_length_ratio: expected at least 0, found -1",
    ]


def test_more_translations_than_the_beam_are_refused_only_where_both_are_asked_for(task, model):
    with pytest.raises(UsageError, match=r"^a text cannot be translated so: n_best 5 needs beam 5 or more$"):
        task.answer(model, ["the dog"], n_best=5, beam=4)
    (equal,) = task.answer(model, ["the dog"], n_best=7, beam=7)
    (grown,) = task.answer(model, ["the dog"], n_best=7)  # the recipe's beam is 5
    assert grown == equal and len(grown.alternatives) == 7


def test_the_best_come_in_order_and_no_special_token_is_written(task, model):
    for each in task.answer(model, ["the dog runs so"], n_best=5):
        scores = [other.score for other in each.alternatives]
        assert len(scores) == 5 and scores == sorted(scores, reverse=True)
        assert each.alternatives[0] == Translation(each.text, each.score)
        assert not any(special in other.text for other in each.alternatives for special in SPECIALS)


def test_no_word_comes_twice_where_that_is_blocked(task, model):
    for each in task.answer(model, [pair.source_text for pair in PAIRS], block_ngrams=1):
        words = each.text.split(" ")
        assert len(words) == len(set(words))


def slices(text: str, tokens: Sequence[str], starts: Sequence[int]) -> list[str]:
    """Return what stands in a text where some tokens are said to stand."""
    return [text[start : start + len(token)] for token, start in zip(tokens, starts, strict=True)]


def check_alignments(text: str, found: Translation, tokens: Sequence[str]) -> None:
    """See that a translation's alignments are of all the tokens of its text, in order, and of nothing else."""
    assert [token for each in found.attention for token in each.source_tokens] == list(tokens)
    for each in found.attention:
        assert slices(text, each.source_tokens, each.source_starts) == list(each.source_tokens)
        assert slices(found.text, each.target_tokens, each.target_starts) == list(each.target_tokens)
        assert each.weights.shape == (len(each.target_tokens), len(each.source_tokens))
        assert each.weights.sum(1) == pytest.approx(np.ones(len(each.weights)), abs=1e-5)


def test_attention_is_of_the_tokens_as_they_stand_in_the_text_and_in_the_translation():
    """The user's own letters are shown, whatever the vocabulary knows."""
    task = made(PAIRS, PairTokenizer(RegexWords(lowercase=True), RegexWords(lowercase=True)))
    texts = ["  A DOG\truns", "So, zyzzyva", " ", ""]
    for text, found in zip(texts, task.answer(network(task, 2), texts, attention=True), strict=True):
        check_alignments(text, found, RegexWords()(text).texts)
        assert len(found.attention) == (1 if text.strip() else 0)
    assert found == Translation("", 0.0)


def test_a_character_whose_bytes_are_cut_is_shown_with_each_of_its_pieces():
    pieces = Translate.make_tokenizer(TokenizerSettings(kind="subwords", vocab_size=280, lowercase=False), PAIRS)
    task = made(PAIRS, pieces)
    (found,) = task.answer(network(task, 2), ["läuft 😀"], attention=True)
    check_alignments("läuft 😀", found, pieces.source("läuft 😀").texts)
    assert found.attention[0].source_tokens[-1] == "😀"


@pytest.mark.parametrize("options", [{"beam": 1}, {"n_best": 4}, {"coverage_penalty": 0.5}, {"beam": 3}], ids=str)
def test_attention_is_what_the_decoder_gives_when_it_reads_the_translation(task, options):
    """Said by the network of all tokens at once, sentence by sentence, without any search."""
    texts = [*(pair.source_text for pair in PAIRS), "it is the dog so runs a " * 3]
    n_tokens = 0
    for model in (network(task, seed) for seed in range(3)):
        for text, found in zip(texts, task.answer(model, texts, attention=True, **options), strict=True):
            for each in found.alternatives or [found]:
                (alignment,) = each.attention
                assert alignment.weights == pytest.approx(
                    weights_of(task, model, text, alignment.target_tokens), abs=1e-5
                )
                assert task.tokenizer.decode(alignment.target_tokens) == each.text
                n_tokens += len(alignment.target_tokens)
            assert found.attention == (found.alternatives or [found])[0].attention
    assert n_tokens > 30


def weights_of(task: Translate, model: torch.nn.Module, text: str, written: Sequence[str]) -> np.ndarray:
    """Return the attention weights of a decoder that is given the translation."""
    source = torch.tensor([task.source.ids(text.split())])
    target = [task.target.ids([token])[0] for token in written]
    with torch.no_grad():
        memory, state = model.encode(source, torch.ones_like(source, dtype=torch.bool))
        weights = model.decoder(torch.tensor([[task.begin_id, *target]]), state, memory).weights
    return weights[0, : len(target)].numpy()


def test_a_long_text_has_an_alignment_for_each_window(task, model):
    first, second, last = "a dog " * (WINDOW // 2), "runs so is " * (WINDOW // 3) + "it ", " The  dog"
    (found,) = task.answer(model, [first + second + last], attention=True)
    check_alignments(first + second + last, found, (first + second + last).split())
    alone = task.answer(model, [first, second, last], attention=True)
    assert found.text == " ".join(each.text for each in alone)
    for window, each in zip(found.attention, alone, strict=True):
        assert (window.source_tokens, window.target_tokens) == (
            each.attention[0].source_tokens,
            each.attention[0].target_tokens,
        )
        assert window.weights == pytest.approx(each.attention[0].weights, abs=1e-5)


def test_a_long_text_is_translated_sentence_by_sentence(task, model):
    sentences = ["A dog runs .", "So it is !", "The dog is so .", "A dog ?"] * (WINDOW // 12)
    text = "  ".join(sentences)
    assert len(task.tokenizer.source(text)) > WINDOW
    (found,) = task.answer(model, [text], attention=True, n_best=2)
    alone = task.answer(model, sentences, attention=True)
    assert found.text == " ".join(each.text for each in alone)
    assert found.score == pytest.approx(sum(each.score for each in alone) / len(alone), abs=1e-6)
    assert found.alternatives == (replace(found, alternatives=()),)
    check_alignments(text, found, text.split())


def test_attention_changes_no_translation_and_is_not_kept_unless_asked_for(task, model, monkeypatch):
    kept: list[bool] = []

    def search(*arguments: object, **options: object) -> object:
        found = beam_search(*arguments, **options)
        kept.extend(each.attention is not None for hypotheses in found for each in hypotheses)
        return found

    monkeypatch.setattr(translation_search, "beam_search", search)
    texts = ["a dog runs", "so it is " * WINDOW, ""]
    plain = task.answer(model, texts, n_best=2)
    assert kept and not any(kept)
    kept.clear()
    asked = task.answer(model, texts, n_best=2, attention=True)
    assert kept and all(kept)
    assert [each.without_attention() for each in asked] == plain


def test_a_stream_keeps_no_attention_of_what_it_has_given(task, model):
    predictor, alive = Predictor(task, model, {}), []
    for found in predictor.stream(("a dog runs" for _ in range(3 * 112)), attention=True, beam=1):
        alive.append(weakref.ref(found.attention[0].weights))
        assert sum(each() is not None for each in alive) <= 128  # the list read last: 16, 32, 64, 128, ... texts
    assert len(alive) == 336


def test_joint_subwords_have_one_number_on_both_sides_and_spell_anything():
    settings = TokenizerSettings(kind="subwords", vocab_size=280, lowercase=False)
    joint = Translate.make_tokenizer(settings, PAIRS)
    assert joint.source == joint.target
    task = made(PAIRS, joint)
    assert task.vocabularies["source"] == task.vocabularies["target"]
    ids = task.vocabularies["source"].ids(joint.source("Über 😀").keys)
    assert task.vocabularies["source"].unknown_id not in ids
    apart = Translate.make_tokenizer(settings.model_copy(update={"joint": False}), PAIRS)
    assert apart.source != apart.target


def test_what_is_no_translator_is_refused():
    words = PairTokenizer(RegexWords(), RegexWords())
    plain = Vocabulary(["<pad>", "<unk>", "a"])
    for labels, vocabularies in (({"labels": ["a"]}, {}), ({}, {"source": plain, "target": plain})):
        with pytest.raises(ModelError, match="expected"):
            Translate.from_labels(labels, TranslateSettings(), words, vocabularies)


def test_a_made_language_is_learned():
    """Its words are those of the source in another alphabet, in reverse order."""
    draw = np.random.default_rng(0)
    pairs = []
    for _ in range(400):
        letters = draw.choice(list("abcde"), size=draw.integers(1, 6)).tolist()
        pairs.append(SentencePair(" ".join(letters), " ".join(letters[::-1]).upper()))
    task = made(pairs, PairTokenizer(RegexWords(), RegexWords()), embed_size=24, hidden_size=48, label_smoothing=0.0)
    torch.manual_seed(0)
    model = task.build(EncoderSettings(embed_size=24, hidden_size=24, dropout=0.0, embedding_dropout=0.0))
    rows = task.encode(Translate.tokenize(pairs, task.tokenizer, cache=None))
    batches = task.batches(rows, pairs, TrainingSettings(batch_size=20))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(20):
        model.train()
        for batch in batches.epoch(epoch):
            loss = task.loss(model, batch)
            optimizer.zero_grad()
            (loss.total / loss.n_items).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    found = task.answer(model, [pair.source_text for pair in pairs])
    right = sum(each.text == pair.target_text for each, pair in zip(found, pairs, strict=True))
    assert right > 0.9 * len(pairs)


def upper_case(n: int) -> list[SentencePair]:
    """Return pairs of a made language: letters in another alphabet."""
    draw = np.random.default_rng(n)
    texts = (" ".join(draw.choice(list("abcde"), size=draw.integers(1, 6))) for _ in range(n))
    return [SentencePair(text, text.upper()) for text in texts]


@pytest.mark.parametrize("tokenizer", [RegexWords(), ByteSymbols()], ids=lambda each: each.kind)
def test_pairs_that_are_turned_round_are_told_of_when_they_are_scored(tokenizer):
    """Bytes have the same vocabulary on both sides, so that only what was learned can tell; words are all unknown."""
    pairs, fresh = upper_case(300), upper_case(50)
    task = made(pairs, PairTokenizer(tokenizer, tokenizer), embed_size=16, hidden_size=16, label_smoothing=0.0)
    torch.manual_seed(0)
    model = task.build(EncoderSettings(embed_size=16, hidden_size=16, dropout=0.0, embedding_dropout=0.0))
    predictor = Predictor(task, model, {})
    swapped = [SentencePair(pair.target_text, pair.source_text) for pair in fresh]
    told: list[str] = []
    predictor.evaluate(swapped, note=told.append)
    assert bool(told) == (tokenizer.kind == "regex")  # it has learned nothing yet, but no word is known
    told.clear()
    rows = task.encode(Translate.tokenize(pairs, task.tokenizer, cache=None))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(3):
        model.train()
        for batch in task.batches(rows, pairs, TrainingSettings(batch_size=20)).epoch(epoch):
            loss = task.loss(model, batch)
            optimizer.zero_grad()
            (loss.total / loss.n_items).backward()
            optimizer.step()
    for examples in (fresh, [SentencePair("", "A")], [SentencePair("a b", "A B"), SentencePair(" ", "")]):
        predictor.evaluate(examples, note=told.append)
    assert told == []
    predictor.evaluate(swapped, note=told.append)
    assert len(told) == 1 and told[0].startswith("are the columns or languages swapped?")
