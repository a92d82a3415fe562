"""The translator as a task: long and empty texts, what the search is told, attention, a made language it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlp_lstm.config import DataSettings, EncoderSettings, TokenizerSettings, TrainingSettings, VocabularySettings
from nlp_lstm.document import SentencePair
from nlp_lstm.errors import ModelError
from nlp_lstm.tasks.translate import SPECIALS, WINDOW, Translate, TranslateSettings
from nlp_lstm.text.pair_tokenizer import PairTokenizer
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.vocabulary import Vocabulary

SMALL = {"embed_size": 6, "hidden_size": 8, "dropout": 0.0}
PAIRS = [
    SentencePair("a dog runs", "ein Hund läuft"),
    SentencePair("so it is", "so ist es"),
    SentencePair("the dog is it", "der Hund ist es"),
]


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


def test_a_beam_of_one_is_what_training_looks_at(task, model):
    rows = task.encode(Translate.tokenize(PAIRS, task.tokenizer, cache=None))
    greedy = [each.text for each in task.answer(model, [pair.source_text for pair in PAIRS], beam=1)]
    assert task.predict(model, rows, quick=True) == greedy


def test_what_is_scored_is_what_is_answered(task, model):
    rows = task.encode(Translate.tokenize(PAIRS, task.tokenizer, cache=None))
    answers = [each.text for each in task.answer(model, [pair.source_text for pair in PAIRS])]
    assert task.predict(model, rows) == answers


def test_training_leaves_pairs_out_and_says_how_many_while_scoring_takes_all(tmp_path):
    (tmp_path / "a.tsv").write_text("a dog\tein Hund\n\tnichts\nso\t" + "so " * 90 + "\n", encoding="utf-8")
    told: list[str] = []
    source, data = str(tmp_path / "a.tsv"), DataSettings()
    assert len(Translate.read(source, data, RegexWords, note=told.append)) == 1
    assert told == ["left out 2 pairs: 1 with an empty side, 1 of too unequal length"]
    assert len(Translate.read(source, data, RegexWords)) == 3


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


def test_the_best_come_in_order_and_no_special_token_is_written(task, model):
    for each in task.answer(model, ["the dog runs so"], n_best=5):
        scores = [score for _, score in each.alternatives]
        assert len(scores) == 5 and scores == sorted(scores, reverse=True)
        assert each.alternatives[0] == (each.text, each.score)
        assert not any(special in text for text, _ in each.alternatives for special in SPECIALS)


def test_no_word_comes_twice_where_that_is_blocked(task, model):
    for each in task.answer(model, [pair.source_text for pair in PAIRS], block_ngrams=1):
        words = each.text.split(" ")
        assert len(words) == len(set(words))


def test_attention_is_a_share_of_the_source_for_each_piece(task, model):
    for text, each in zip(["a dog runs", "so"], task.answer(model, ["a dog runs", "so"], attention=True), strict=True):
        assert list(each.source_tokens) == text.split(" ")
        weights = np.array(each.attention)
        assert weights.shape == (len(each.target_tokens), len(each.source_tokens))
        assert weights.sum(1) == pytest.approx(np.ones(len(weights)), abs=1e-5)
        assert each.to_dict()["attention"] == weights.tolist()


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
    for epoch in range(12):
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
