"""A text on its way through each task's network: its scores are those that the task's answers give."""

from __future__ import annotations

import math

import pytest
import torch

from nlp_lstm.config import EncoderSettings
from nlp_lstm.errors import UsageError
from nlp_lstm.nn.attributing import frozen, integrated_gradients, reading
from nlp_lstm.tasks.probing.labels import LabelProbe
from nlp_lstm.tasks.probing.probe import Probe, Probes
from tests.tasks.made_texts import TEXTS
from tests.tasks.test_tasks import CASES, INSPECTED, same


@pytest.fixture(params=INSPECTED)
def case(request):
    return CASES[request.param]


@pytest.fixture
def model(case):
    model = case.model().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 1.5 / case.spread  # else the scores of all tags are too close
    return model


@pytest.fixture
def probe(case, model) -> Probe:
    assert isinstance(case.task, Probes)
    return case.task.probe(model, TEXTS[case.kind])


def test_its_tokens_stand_where_it_says(case, probe):
    text = TEXTS[case.kind]
    assert "".join(probe.tokens.texts).replace(" ", "") == text.replace(" ", "")
    assert all(
        text[start:].startswith(token) for token, start in zip(probe.tokens.texts, probe.tokens.starts, strict=True)
    )


def test_copies_of_a_text_have_one_score_also_when_its_inputs_are_handed_in(probe, model):
    aim = probe.aim()
    with torch.no_grad():
        (one,), many = aim.score(1), aim.score(3)
        inputs = probe.inputs()
        with reading(model.encoder.stack, inputs.expand(3, -1, -1)):
            handed = aim.score(3)
    assert inputs.shape[:2] == (1, len(probe.tokens))
    for found in (many, handed):
        torch.testing.assert_close(found, one.expand(3), rtol=0, atol=1e-5)


def test_a_classifiers_score_is_the_log_odds_of_its_label():
    case = CASES["classify"]
    model = case.model().eval()
    probe = case.task.probe(model, TEXTS["classify"])
    (answer,) = case.task.answer(model, [TEXTS["classify"]])
    assert same(probe.prediction(), answer.to_dict())
    for label, p in answer.scores.items():
        with torch.no_grad():
            aim = case.task.probe(model, TEXTS["classify"], label).aim()
            assert float(aim.score(1)) == pytest.approx(math.log(p / (1 - p)), abs=1e-5)
    assert probe.aim().of == f"log-odds of the label {answer.label!r}"


@pytest.mark.parametrize("name", ["tag chunks", "tag words"])
def test_a_taggers_scores_are_the_probabilities_of_its_tags(name):
    case = CASES[name]
    model = case.model().eval()
    probe = case.task.probe(model, TEXTS["tag"])
    (answer,) = case.task.answer(model, [TEXTS["tag"]], n_best=1)
    assert probe.prediction()["tags"] == list(answer.tags)
    with torch.no_grad():
        assert float(probe.aim().score(1)) == pytest.approx(math.log(answer.alternatives[0][1]), abs=1e-5)
        for place, score in enumerate(answer.scores, start=1):
            aim = case.task.probe(model, TEXTS["tag"], str(place)).aim()
            assert float(aim.score(1)) == pytest.approx(math.log(score), abs=1e-5)
    again = case.task.probe(model, TEXTS["tag"].split())
    assert again.tokens.texts == probe.tokens.texts and torch.equal(again.inputs(), probe.inputs())


@pytest.mark.parametrize("name", ["tag chunks", "tag words"])
def test_a_tags_rival_is_the_best_sequence_that_has_another_there(name):
    case = CASES[name]
    model = case.model().eval()
    probe = case.task.probe(model, TEXTS["tag"])
    (answer,) = case.task.answer(model, [TEXTS["tag"]], n_best=400)
    best = answer.alternatives[0]
    if case.task.scheme is None:  # else several tags are shown alike
        for place, decision in enumerate(probe.decisions()):
            other = next(each for each in answer.alternatives if each[0][place] != best[0][place])
            assert (decision.tag, decision.rival) == (best[0][place], other[0][place])
            assert decision.margin == pytest.approx(math.log(best[1] / other[1]), abs=1e-4)
    for decision in probe.decisions():
        assert decision.margin == pytest.approx(decision.margin_emissions + decision.margin_moves)
        assert decision.margin >= -1e-6


def test_a_generators_score_is_the_next_tokens_log_probability():
    case = CASES["generate"]
    model = case.model().eval()
    probe, writer = case.task.probe(model, TEXTS["generate"]), case.task.writer(model)
    moment = writer.read(writer.begin(), TEXTS["generate"])
    best = probe.prediction()["next"][0]["text"]
    for token in (best, "o", "\n"):
        with torch.no_grad():
            found = float(case.task.probe(model, TEXTS["generate"], token).aim().score(1))
        assert found == pytest.approx(float(moment.log_probs[writer.vocabulary[token]]), abs=1e-5)
    with torch.no_grad():
        assert float(probe.aim().score(1)) == float(case.task.probe(model, TEXTS["generate"], best).aim().score(1))


def test_a_translators_score_is_that_of_its_translation():
    case = CASES["translate"]
    model = case.model().eval()
    probe = case.task.probe(model, TEXTS["translate"])
    (answer,) = case.task.answer(model, [TEXTS["translate"]], attention=True)
    assert probe.prediction()["translation"] == answer.text and probe.alignments() == answer.attention
    with torch.no_grad():
        total = float(probe.aim().score(1))
        assert total == pytest.approx(answer.score * len(probe.wanted), abs=1e-4)
        numbers = range(1, len(answer.attention[0].target_tokens) + 1)
        parts = [float(case.task.probe(model, TEXTS["translate"], str(n)).aim().score(1)) for n in numbers]
    assert len(parts) in (len(probe.wanted), len(probe.wanted) - 1)  # the end is no token to show
    assert (
        sum(parts) >= total - 1e-4 if len(parts) < len(probe.wanted) else sum(parts) == pytest.approx(total, abs=1e-4)
    )


def test_shares_add_up_to_the_score(probe, model):
    aim, stack = probe.aim(), model.encoder.stack

    def score(rows: torch.Tensor) -> torch.Tensor:
        with reading(stack, rows):
            return aim.score(len(rows))

    with frozen(model):
        found = integrated_gradients(score, probe.inputs()[0])
    assert len(found.values) == len(probe.tokens)
    assert abs(float(found.values.sum()) - (found.score - found.baseline)) < max(0.01 * abs(found.score), 2e-4)


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("classify", "godo", r"^no label 'godo'; did you mean 'good'\?$"),
        ("tag chunks", "5", r"^expected the number of a word, 1 to 4, found '5'$"),
        ("tag chunks", "Ada", r"^expected the number of a word, 1 to 4, found 'Ada'$"),
        ("generate", "so", r"^expected one token that the model knows, found 'so'$"),
        ("generate", "é", r"^expected one token that the model knows, found 'é'$"),
        ("translate", "0", r"^expected the number of a token of the translation, 1 to \d+, found '0'$"),
    ],
)
def test_a_target_that_is_not_there_is_refused(name, target, message):
    case = CASES[name]
    with pytest.raises(UsageError, match=message):
        case.task.probe(case.model().eval(), TEXTS[case.kind], target).aim()


def test_attention_pooling_says_how_much_each_token_counts():
    case = CASES["classify"]
    kind = type(case.task)
    head = kind.Settings(pooling="attention")
    task = kind(case.task.labels, head, case.task.tokenizer, case.task.vocabularies)
    torch.manual_seed(0)
    model = task.build(EncoderSettings(embed_size=3, hidden_size=5)).eval()
    weights = task.probe(model, "so dull it is").attention()
    assert len(weights) == 4 and sum(weights) == pytest.approx(1.0, abs=1e-6) and len(set(weights)) == 4
    assert isinstance(task.probe(model, "so"), LabelProbe)
    assert case.task.probe(case.model(), "so").attention() == ()


def test_n_grams_beside_the_network_are_told_of():
    case = CASES["classify"]
    kind = type(case.task)
    task = kind(
        case.task.labels, kind.Settings(ngram_order=2, ngram_buckets=64), *(case.task.tokenizer, case.task.vocabularies)
    )
    (note,) = task.probe(task.build(case.encoder).eval(), "so dull").notes()
    assert note.startswith("a linear path over n-grams adds to the score")


def test_an_empty_text_has_no_tokens(case, model):
    assert len(case.task.probe(model, "").tokens) == 0
