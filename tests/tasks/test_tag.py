"""The tagger as a task: what it learns from examples, what it answers, how sure it is, how it is scored."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from nlp_lstm.config import EncoderSettings, TrainingSettings, VocabularySettings
from nlp_lstm.errors import DataError, ModelError, UsageError
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.tasks import words
from nlp_lstm.tasks.tag import Tag, TagSettings
from nlp_lstm.tasks.word_scores import read_by_length
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.tag_schemes import illegal

TOKENIZER = RegexWords(lowercase=True)
ENCODER = EncoderSettings(embed_size=6, hidden_size=5)


def sentence(text: str, line: int = 1) -> TaggedSentence:
    """Return the sentence of words and tags written `word/TAG`."""
    pairs = [pair.rsplit("/", 1) for pair in text.split(" ")]
    return TaggedSentence.of_words([w for w, _ in pairs], [t for _, t in pairs], source="made.conll", line=line)


CHUNKS = [
    sentence("Ada/B-PER Lovelace/I-PER saw/O Paris/B-LOC"),
    sentence("Bob/B-PER saw/O nothing/O"),
    sentence("In/O New/B-LOC York/I-LOC City/I-LOC Ada/B-PER slept/O"),
]
SPEECH = [sentence("Ada/NOUN saw/VERB Paris/NOUN"), sentence("Bob/NOUN slept/VERB")]


def made(examples: list[TaggedSentence], **settings: object) -> Tag:
    tokens = Tag.tokenize(examples, TOKENIZER, cache=None)
    vocabularies = Tag.build_vocabularies(tokens, TOKENIZER, VocabularySettings(min_count=1))
    return Tag.from_examples(examples, TagSettings(**settings), TOKENIZER, vocabularies)


def network(task: Tag, seed: int = 3) -> torch.nn.Module:
    """Return a network whose moves between tags count too."""
    torch.manual_seed(seed)
    model = task.build(ENCODER).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.7)
    return model


def converted(examples: list[TaggedSentence], scheme: str) -> list[TaggedSentence]:
    from nlp_lstm.text.tag_schemes import convert

    return [TaggedSentence.of_words(each.words, convert(each.tags or (), "iob2", scheme)) for each in examples]


def test_chunk_tags_become_all_that_bioes_has_for_their_labels():
    task = made(CHUNKS)
    assert task.tags == ("O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PER", "I-PER", "E-PER", "S-PER")
    assert task.scheme == "iob2"


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "bioes"])
def test_the_network_learns_the_same_whatever_scheme_the_file_is_in(scheme):
    examples = converted(CHUNKS, scheme)
    examples += converted([sentence("Ada/B-PER Bob/B-PER Paris/B-LOC")], scheme)  # iob1 shows itself there
    task = made(examples)
    (batch,) = task.batches(
        task.encode(Tag.tokenize(examples, TOKENIZER, cache=None)), examples, TrainingSettings(batch_size=9)
    ).epoch(0)
    rows = {tuple(task.tags[n] for n in row[mask]) for row, mask in zip(batch.tags, batch.inputs.mask, strict=True)}
    assert ("B-PER", "E-PER", "O", "S-LOC") in rows
    assert ("O", "B-LOC", "I-LOC", "E-LOC", "S-PER", "O") in rows
    assert task.scheme == scheme


def test_tags_that_mark_no_chunks_stay_as_they_are():
    task = made(SPEECH)
    assert task.tags == ("NOUN", "VERB") and task.scheme is None


def test_answers_are_in_the_scheme_of_the_training_data():
    for scheme in ("iob1", "iob2", "bioes"):
        examples = converted(CHUNKS, scheme)
        task = made(examples, scheme=scheme)
        model = network(task)
        for answer in task.answer(model, [each.words for each in CHUNKS] * 3):
            assert not illegal(answer.tags, scheme)


@pytest.mark.parametrize("crf", [True, False])
def test_no_illegal_sequence_and_every_entity_is_a_slice_of_its_text(crf):
    task = made(CHUNKS, crf=crf)
    texts = ["Ada  saw\tParis", "", "x", " ", "😀 Ada-Bob", "In New York City Ada slept " * 9]
    for seed in range(5):
        for text, answer in zip(texts, task.answer(network(task, seed), texts), strict=True):
            assert answer.text == text and len(answer.tags) == len(answer.words) == len(answer.scores)
            assert not illegal(answer.tags, "iob2")
            assert [
                text[start : start + len(word)] for start, word in zip(answer.starts, answer.words, strict=True)
            ] == list(answer.words)
            for entity in answer.entities:
                assert text[entity.start : entity.end] == entity.word


def paths_with_probabilities(model: torch.nn.Module, task: Tag, words: list[str]) -> dict[tuple[str, ...], float]:
    """Return the probability of every legal tag sequence, by enumeration."""
    rows = task.encode(Tag.tokenize([TaggedSentence.of_words(words)], TOKENIZER, cache=None))
    ((_, (emissions, _), _),) = read_by_length(model, rows, model, batch_size=1)
    start, move, end = (part.detach().double() for part in model.paths.scores())
    scores = {}
    for path in itertools.product(range(len(task.tags)), repeat=len(words)):
        score = start[path[0]] + end[path[-1]] + sum(emissions[0, t, tag].double() for t, tag in enumerate(path))
        score += sum(move[a, b] for a, b in itertools.pairwise(path))
        if score > -math.inf:
            scores[tuple(task.tags[tag] for tag in path)] = math.exp(float(score))
    total = sum(scores.values())
    return {path: weight / total for path, weight in scores.items()}


@pytest.mark.parametrize("crf", [True, False])
def test_scores_are_the_probabilities_over_all_sequences(crf):
    task = made(CHUNKS, crf=crf, scheme="bioes")
    words = ["Ada", "York", "saw", "Paris"]
    seen = 0
    for seed in range(8):
        model = network(task, seed)
        every = paths_with_probabilities(model, task, words)
        (answer,) = task.answer(model, [words], n_best=5)
        best = sorted(every.items(), key=lambda item: -item[1])[:5]
        assert answer.tags == best[0][0]
        assert [tags for tags, _ in answer.alternatives] == [tags for tags, _ in best]
        assert [score for _, score in answer.alternatives] == pytest.approx([score for _, score in best], rel=1e-4)
        for place, (tag, score) in enumerate(zip(answer.tags, answer.scores, strict=True)):
            assert score == pytest.approx(sum(p for path, p in every.items() if path[place] == tag), rel=1e-4)
        for entity in answer.entities:
            first = answer.starts.index(entity.start)
            last = next(i for i, start in enumerate(answer.starts) if start + len(words[i]) == entity.end) + 1
            run = answer.tags[first:last]
            seen += len(run) > 1
            assert entity.score == pytest.approx(
                sum(p for path, p in every.items() if path[first:last] == run), rel=1e-4
            )
    assert seen  # entities of several words were among them


def test_neither_batch_size_nor_order_changes_an_answer():
    task = made(CHUNKS)
    model = network(task)
    inputs = [each.words for each in CHUNKS] + [("Zed",), ("slept",) * 40, ()]
    whole = task.answer(model, inputs)
    for batch_size, order in ((1, range(6)), (2, [5, 3, 1, 0, 2, 4])):
        for place, answer in zip(
            order, task.answer(model, [inputs[i] for i in order], batch_size=batch_size), strict=True
        ):
            assert answer.tags == whole[place].tags
            assert answer.scores == pytest.approx(whole[place].scores, abs=1e-5)
    assert whole[5].words == () and whole[5].to_text() == ""


def test_the_report_of_right_tags_is_perfect_and_unseen_tags_are_missed():
    task = made(CHUNKS)
    right = [tuple(tags) for tags in task.notation.gold(CHUNKS)]
    assert task.report(CHUNKS, right).to_dict()["f1"] == 1.0 and task.score(CHUNKS, right) == 1.0
    other = [sentence("Ada/B-PER Acme/B-ORG"), sentence("Bob/B-PER x/O")]
    (told,) = task.check(other)
    assert told == "tags never seen in training count as wrong: B-ORG (first at the sentence at line 1 of made.conll)"
    found = [("S-PER", "O"), ("O", "O")]
    report = task.report(other, found).to_dict()
    assert (report["precision"], report["recall"]) == (1.0, pytest.approx(1 / 3))
    assert task.score(other, found) == pytest.approx(0.5)


def test_parts_of_speech_are_scored_word_by_word():
    task = made(SPEECH)
    found = [("NOUN", "VERB", "VERB"), ("NOUN", "VERB")]
    report = task.report(SPEECH, found).to_dict()
    assert (report["n"], report["n_tokens"], report["accuracy"]) == (2, 5, 0.8)
    assert task.score(SPEECH, found) == 0.8
    new = [sentence("Oh/INTJ Ada/NOUN")]
    assert task.report(new, [("NOUN", "NOUN")]).to_dict()["accuracy"] == 0.5


def test_a_test_file_in_another_scheme_is_scored_the_same():
    task = made(CHUNKS)
    found = [("B-PER", "E-PER", "O", "O"), ("O", "O", "O"), ("O", "B-LOC", "E-LOC", "O", "S-PER", "O")]
    scores = [task.report(converted(CHUNKS, scheme), found).to_dict() for scheme in ("iob2", "bioes")]
    assert scores[0]["f1"] == scores[1]["f1"] == pytest.approx(2 * 2 / (5 + 3))


def test_the_loss_of_a_second_kind_of_tag_is_added_with_its_weight():
    examples = [
        TaggedSentence.of_words(each.words, each.tags, auxiliary=["N" if w[0].isupper() else "V" for w in each.words])
        for each in CHUNKS
    ]
    task = made(examples, auxiliary_weight=0.5)
    assert task.to_labels()["auxiliary"] == ("N", "V")
    model = network(task)
    rows = task.encode(Tag.tokenize(examples, TOKENIZER, cache=None))
    (batch,) = task.batches(rows, examples, TrainingSettings(batch_size=9)).epoch(0)
    with torch.no_grad():
        both = task.loss(model, batch)
        scores = model(*batch.inputs)
        mask = batch.inputs.mask
        second = -scores.auxiliary.log_softmax(-1).gather(2, batch.auxiliary.unsqueeze(-1)).squeeze(-1)[mask].sum()
        first = -model.paths.log_likelihood(scores.tags, batch.tags, mask).sum()
    assert float(both.total) == pytest.approx(float(first + 0.5 * second), rel=1e-5)
    assert both.n_items == sum(len(each.words) for each in examples)


def test_words_are_looked_up_in_lower_case_and_read_letter_by_letter_as_they_are():
    task = made(CHUNKS)
    rows = task.encode(Tag.tokenize([sentence("ADA/O ada/O Ada/O")], TOKENIZER, cache=None))
    words, casings = rows.words[rows.rows[0]], rows.casings[rows.rows[0]]
    assert len(set(words.tolist())) == 1 and words[0] == task.vocabularies["words"]["ada"]
    assert len(set(casings.tolist())) == 3
    letters = [rows.characters[number].tolist() for number in rows.rows[0]]
    signs = task.vocabularies["characters"]
    assert letters[0] == [signs.specials.index("<begin>"), *signs.ids(list("ADA")), signs.specials.index("<end>")]


def test_few_spellings_are_kept_between_calls_and_answers_do_not_depend_on_them(monkeypatch):
    task = made(CHUNKS)
    model = network(task)
    inputs = [["Ada", f"saw{number}", "Paris"] for number in range(20)]
    expected = [task.answer(model, [each])[0] for each in inputs]
    fresh = made(CHUNKS)
    monkeypatch.setattr(words, "KEPT", 7)
    for _ in range(2):
        found = [answer for each in inputs for answer in fresh.answer(model, [each])]
        assert found == expected
        assert 0 < len(fresh._reader._known) <= 7


def test_nothing_to_answer_gives_no_answers():
    task = made(CHUNKS)
    assert task.answer(network(task), []) == []
    assert [answer.tags for answer in task.answer(network(task), [[], []])] == [(), ()]


def test_what_cannot_be_learned_is_refused_with_the_reason():
    with pytest.raises(DataError, match=r"made\.conll: expected at least two different tags, found 1"):
        made([sentence("a/O b/O")])
    with pytest.raises(DataError, match=r"auxiliary_weight needs a column named auxiliary"):
        made(CHUNKS, auxiliary_weight=1.0)
    tokens = Tag.tokenize(CHUNKS, TOKENIZER, cache=None)
    with pytest.raises(UsageError, match=r"tokenizer\.kind: a tagger needs words \(spacy or regex\)"):
        Tag.build_vocabularies(tokens, Characters(), VocabularySettings())
    with pytest.raises(ModelError, match="expected 'tags' and 'auxiliary'"):
        Tag.from_labels({"labels": ["a", "b"]}, TagSettings(), TOKENIZER, {})
    with pytest.raises(DataError, match=r"line 1 of made\.conll: the tag 'NOUN' of 'Ada' marks no chunk"):
        made(CHUNKS).score(SPEECH, [("O",) * 3, ("O",) * 2])


def test_one_mistyped_tag_among_chunk_tags_is_named_and_changes_no_scheme():
    stray = sentence("in/O Rome/LOC", line=9)
    with pytest.raises(
        DataError, match=r"^the sentence at line 9 of made\.conll: the tag 'LOC' of 'Rome' marks no chunk"
    ):
        made([*CHUNKS, stray])
    assert made([*CHUNKS, stray], scheme="none").scheme is None


LINES = [3, 4, 6, 9]


def test_what_is_told_of_a_word_names_its_line_where_that_is_known():
    def in_file(tags: list[str]) -> TaggedSentence:
        words = ["met", "Bob", "New", "York"]
        return TaggedSentence.of_words(words, tags, source="made.conll", line=3, lines=LINES)

    with pytest.raises(DataError, match=r"^line 6 of made\.conll: the tag 'LOC' of 'New' marks no chunk in IOB2"):
        made([*CHUNKS, in_file(["O", "B-PER", "LOC", "O"])])
    assert made(CHUNKS).check([in_file(["O", "B-PER", "B-GPE", "I-GPE"]), in_file(["O", "B-ORG", "O", "O"])]) == [
        "tags never seen in training count as wrong: B-GPE, B-ORG, I-GPE (first at line 6 of made.conll)"
    ]


def test_one_letter_of_bilou_among_iob_tags_is_named_in_training_and_in_scoring():
    mixed = sentence("Bob/U-PER saw/O New/B-LOC York/L-LOC", line=9)
    message = r"line 9 of made\.conll: the tag 'U-PER' of 'Bob' marks no chunk in IOB2; expected O, or B or I, a hyphen"
    with pytest.raises(DataError, match=message):
        made([*CHUNKS, mixed])
    with pytest.raises(DataError, match=message):
        made(CHUNKS).check([*CHUNKS, mixed])
    assert made(CHUNKS).check([mixed]) == []  # by itself it is BILOU


def test_tags_that_are_not_in_the_scheme_of_the_settings_are_named_with_the_setting():
    for examples, tag in ((SPEECH, "NOUN"), ([sentence("Bob/U-PER saw/O")], "U-PER")):
        with pytest.raises(DataError, match=rf"line 1 of made\.conll: the tag '{tag}' .*, as head\.scheme is 'iob2'"):
            made(examples, scheme="iob2")


def test_sentences_without_a_word_are_refused_before_they_are_scored():
    empty = TaggedSentence.of_words([], [], source="dev.jsonl", line=1)
    for task in (made(CHUNKS), made(SPEECH)):
        with pytest.raises(DataError, match=r"^dev\.jsonl: no sentence has a word"):
            task.check([empty, empty])
        assert task.check([empty, sentence("Bob/O") if task.scheme else SPEECH[0]]) == []


def test_sentences_without_a_word_are_never_held_out():
    empty = [TaggedSentence.of_words([], [], source="made.jsonl", line=line) for line in range(1, 30)]
    for seed in range(5):
        rest, held = Tag.hold_out([*empty, *CHUNKS], fraction=0.1, seed=seed)
        assert [len(each.words) > 0 for each in held] == [True] and len(rest) == len(empty) + 2


def test_a_made_task_is_learned():
    """A word's tag follows from the word before it, which only a recurrent network can see."""
    draw = np.random.default_rng(0)
    letters = list("abcdef")
    examples = []
    for _ in range(60):
        words = draw.choice(letters, size=draw.integers(2, 7)).tolist()
        tags = ["O", *("B-X" if before in "abc" else "O" for before in words[:-1])]
        examples.append(TaggedSentence.of_words(words, tags))
    task = made(examples)
    torch.manual_seed(0)
    model = task.build(EncoderSettings(embed_size=16, hidden_size=16, dropout=0.0, embedding_dropout=0.0))
    rows = task.encode(Tag.tokenize(examples, TOKENIZER, cache=None))
    batches = task.batches(rows, examples, TrainingSettings(batch_size=10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(12):
        model.train()
        for batch in batches.epoch(epoch):
            loss = task.loss(model, batch)
            optimizer.zero_grad()
            (loss.total / loss.n_items).backward()
            optimizer.step()
    assert task.score(examples, task.predict(model, rows)) > 0.97
