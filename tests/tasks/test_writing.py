"""Writing: every option against its formula, runs against single steps, moments that are kept, what is never shown."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from nlp_lstm.config import WritingOptions
from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.nn.stepping import CompiledSteps
from nlp_lstm.tasks import writing
from nlp_lstm.tasks.moments import Moment
from nlp_lstm.tasks.writing import LONGEST_RUN, Writer
from nlp_lstm.tasks.writing_options import WritingChoices, writing_options
from nlp_lstm.tensor_file import save_tensors
from tests.tasks.made_writers import LETTERS, TOKENIZERS, WORDS, make_writer, written

PROMPT = "so it goes, so"


@pytest.fixture(scope="module")
def writer() -> Writer:
    return make_writer()


@pytest.fixture(scope="module")
def moment(writer) -> Moment:
    return writer.read(writer.begin(), PROMPT)


@pytest.fixture
def in_single_steps(monkeypatch) -> None:
    monkeypatch.setattr(CompiledSteps, "suits", staticmethod(lambda model: False))


def close(one: Moment, other: Moment) -> bool:
    """Tell whether two moments are the same, numbers of the network up to 1e-5."""
    floats = zip([*one.state, one.log_probs], [*other.state, other.log_probs], strict=True)
    return (one.text, one.rest, one.ids.tolist()) == (other.text, other.rest, other.ids.tolist()) and all(
        torch.allclose(*pair, rtol=1e-5, atol=1e-5) for pair in floats
    )


# --- the mathematics of the options --------------------------------------------------------------------------------

OPTIONS = {
    "temperature": {"temperature": 0.4},
    "the likeliest": {"temperature": 0.0},
    "as the model has it": {"temperature": 1.0},
    "top k": {"top_k": 3},
    "top p": {"top_p": 0.6},
    "min p": {"min_p": 0.3},
    "repetition": {"repetition_penalty": 1.7},
    "repetition liked": {"repetition_penalty": 0.5},
    "frequency": {"frequency_penalty": 0.6},
    "presence": {"presence_penalty": 1.5},
    "window": {"penalty_window": 3, "repetition_penalty": 1.3, "frequency_penalty": 0.4, "presence_penalty": 0.9},
    "n-grams": {"no_repeat_ngram": 2},
    "no token twice": {"no_repeat_ngram": 1},
    "bias": {"logit_bias": {"e": 2.5, "go": -1.0, "oo": 0.25}},
    "all at once": {
        **{"temperature": 1.3, "top_k": 6, "top_p": 0.95, "min_p": 0.05, "repetition_penalty": 1.2},
        **{"frequency_penalty": -0.2, "presence_penalty": 0.3, "no_repeat_ngram": 3, "logit_bias": {"\n": 1.0}},
    },
}


def by_formula(writer: Writer, moment: Moment, options: WritingOptions) -> list[float]:
    """Return the probability of each token, one after the other and without tensors."""
    history = moment.ids.tolist()
    scores = moment.log_probs.double().tolist()
    counts = Counter(history[-options.penalty_window :] if options.penalty_window else history)
    for token, count in counts.items():
        scores[token] *= options.repetition_penalty if scores[token] <= 0 else 1 / options.repetition_penalty
        scores[token] -= count * options.frequency_penalty + options.presence_penalty
    for text, bias in options.logit_bias.items():
        for letter in set(text):
            scores[writer.vocabulary[letter]] += bias
    n = options.no_repeat_ngram
    grams = {tuple(history[start : start + n]) for start in range(len(history) - n + 1)} if n else set()
    last = tuple(history[len(history) - n + 1 :]) if n > 1 else ()
    allowed = [token for token in range(2, len(scores)) if not n or (*last, token) not in grams]
    order = sorted(allowed, key=lambda token: (-scores[token], token))
    if options.temperature == 0:
        return [float(token == order[0]) for token in range(len(scores))]
    weights = {token: math.exp((scores[token] - scores[order[0]]) / options.temperature) for token in order}
    kept = order[: options.top_k or None]
    total = sum(weights[token] for token in kept)
    inside: list[int] = []
    for token in kept:
        if sum(weights[each] for each in inside) < options.top_p * total:
            inside.append(token)
    inside = [token for token in inside if weights[token] >= options.min_p * weights[inside[0]]]
    total = sum(weights[token] for token in inside)
    return [weights[token] / total if token in inside else 0.0 for token in range(len(scores))]


@pytest.mark.parametrize("choices", OPTIONS.values(), ids=OPTIONS)
def test_the_probability_of_every_token_is_that_of_the_formula(writer, moment, choices):
    options = writing_options(**choices)
    expected = by_formula(writer, moment, options)
    found = writer.choices(moment, options, n=99)
    assert sorted(each.id for each in found) == list(range(2, len(writer.vocabulary)))
    assert sum(each.probability for each in found) == pytest.approx(1)
    for each in found:
        assert each.probability == pytest.approx(expected[each.id], abs=2e-6), each
        assert each.model_probability == pytest.approx(math.exp(moment.log_probs[each.id]), abs=1e-6)
        assert each.text == writer.vocabulary.token(each.id)
    order = [(-each.probability, -each.model_probability, each.id) for each in found]
    assert order == sorted(order)
    assert writer.choices(moment, options, n=4) == found[:4]


@pytest.mark.parametrize("choices", [value for name, value in OPTIONS.items() if name != "temperature"], ids=str)
def test_every_option_changes_the_distribution_and_the_text(writer, moment, choices):
    cool = WritingOptions(max_new_tokens=60)
    changed = writing_options(**{"max_new_tokens": 60, **choices})
    assert writer.choices(moment, changed, n=99) != writer.choices(moment, cool, n=99)
    assert any(written(writer, moment, changed, seed)[0] != written(writer, moment, cool, seed)[0] for seed in range(9))


@pytest.mark.parametrize("choices", OPTIONS.values(), ids=OPTIONS)
def test_tokens_are_drawn_as_the_formula_says_from_the_seeds_uniform_numbers(writer, moment, choices):
    options = writing_options(**{"max_new_tokens": 70, **choices})
    uniforms = np.random.default_rng(5).random(70)
    expected, at = "", moment
    for uniform in uniforms:
        if options.no_repeat_ngram == 1 and len(set(at.text) & set(LETTERS)) == len(set(LETTERS)):
            break  # no token is left
        sums = np.cumsum(by_formula(writer, at, options))
        assert np.abs(sums - uniform).min() > 1e-7  # else either neighbour would be right
        step = writer.take(at, int((sums <= uniform * sums[-1]).sum()))
        expected, at = expected + step.piece, step.moment
    text, after = written(writer, moment, options, seed=5)
    assert text == expected
    assert close(after, at)


def test_an_option_out_of_its_range_is_named_with_all_others():
    wrong = {"max_new_tokens": -1, "temperature": -0.1, "top_k": -1, "top_p": 0.0, "min_p": 1.1, "penalty_window": -1}
    wrong |= {"repetition_penalty": 0.0, "frequency_penalty": 1e9, "presence_penalty": math.nan, "no_repeat_ngram": -1}
    wrong |= {"logit_bias": {"a": math.inf}, "stop": "abc", "warmth": 1}
    with pytest.raises(UsageError) as caught:
        writing_options(**wrong)
    title, *lines = str(caught.value).split("\n  ")
    assert title == "a text cannot be written so: 13 problems"
    assert {line.split(":")[0].split(".")[0] for line in lines} == set(wrong)
    assert writing_options() == WritingOptions()


def test_what_says_how_to_draw_is_refused_together_with_a_beam():
    for name, value in {"temperature": 0.8, "top_k": 0, "top_p": 0.5, "min_p": 0.0}.items():
        with pytest.raises(UsageError, match=f"^beam: .* it takes no {name.replace('_', '-')}$"):
            writing_options(beam=2, **{name: value})
        assert writing_options(beam=1, **{name: value}).beam == 1


def test_with_a_beam_the_choices_are_those_of_the_model(writer, moment):
    for each in writer.choices(moment, WritingOptions(beam=3, temperature=0.1, top_k=2), n=99):
        assert each.probability / each.model_probability == pytest.approx(1, abs=0.2)  # the special tokens have a share
    barred = writer.choices(moment, WritingOptions(beam=3, no_repeat_ngram=1), n=99)
    assert {each.text for each in barred if not each.probability} == set(PROMPT)


def test_the_keywords_are_the_options():
    assert list(WritingChoices.__annotations__) == list(WritingOptions.model_fields)


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("text", ["", "☃"])
def test_a_bias_for_what_the_model_cannot_write_is_refused_before_anything_is_written(kind, text):
    writer = make_writer(kind)
    if text and kind in ("bytes", "subwords"):
        assert writer.choices(writer.begin(), writing_options(logit_bias={text: 1.0}), n=3)
        return
    for ask in (writer.write, writer.choices):
        with pytest.raises(UsageError, match=r"no bias for .*: the model has no token for it"):
            more = {"seed": 1} if ask == writer.write else {"n": 1}
            ask(writer.begin(), writing_options(logit_bias={text: 1.0}), **more)


# --- runs and single steps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("sizes", [{}, {"n_layers": 2, "tied": True}], ids=["plain", "two layers, tied"])
def test_runs_write_what_single_steps_write(monkeypatch, kind, sizes):
    writer = make_writer(kind, **sizes)
    moment = writer.read(writer.begin(), "so it")
    choices = [{}, {"top_p": 0.9, "temperature": 1.2}, *(each for each in OPTIONS.values() if "logit_bias" not in each)]
    options = [writing_options(**{"max_new_tokens": 150, **each}) for each in choices]
    in_runs = [written(writer, moment, each, seed) for each in options for seed in (0, 1)]
    monkeypatch.setattr(CompiledSteps, "suits", staticmethod(lambda model: False))
    singly = [written(writer, moment, each, seed) for each in options for seed in (0, 1)]
    assert [text for text, _ in in_runs] == [text for text, _ in singly]
    assert all(close(one, other) for (_, one), (_, other) in zip(in_runs, singly, strict=True))


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_text_stops_before_the_stop_string_and_the_moment_is_the_one_right_behind_it(kind):
    writer = make_writer(kind)
    moment = writer.read(writer.begin(), "so it")
    whole, after = written(writer, moment, writing_options(max_new_tokens=120), seed=2)
    new = after.ids[len(moment.ids) :].tolist()
    texts, singly = [""], [moment]
    for token in new:
        step = writer.take(singly[-1], token)
        texts.append(texts[-1] + step.piece)
        singly.append(step.moment)
    assert texts[-1] == whole
    met = set()
    for start in range(0, len(whole) - 3, 3):
        stop = whole[start : start + 3]
        found = whole.find(stop)
        place = next(place for place, text in enumerate(texts) if len(text) >= found + 3)
        met.add(place)
        shown, stopped = written(writer, moment, writing_options(max_new_tokens=120, stop=("\x00", stop)), seed=2)
        assert shown == whole[:found]
        assert stopped.text == moment.text + shown
        assert close(replace(stopped, text=singly[place].text), singly[place])
    assert len(met) > 8 and any(place not in (1, 3, 7, 15, 31, 63, 127) for place in met)  # ends of runs, and within


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_what_a_stop_string_hid_comes_first_when_the_text_goes_on(kind, tmp_path):
    writer = make_writer(kind)
    moment = writer.read(writer.begin(), "so it")
    whole = written(writer, moment, writing_options(max_new_tokens=60), seed=2)[0]
    stop = whole[20:22]
    shown, stopped = written(writer, moment, writing_options(max_new_tokens=60, stop=(stop,)), seed=2)
    assert stopped.text == "so it" + shown and stopped.hidden.startswith(stop)
    writer.save_moment(stopped, tmp_path / "a")
    kept = writer.load_moment(tmp_path / "a").moment
    for each in (stopped, kept):
        more, after = written(writer, each, writing_options(max_new_tokens=5))
        assert more.startswith(stop) and after.text == stopped.text + more and after.hidden == ""
        assert writer.read(each, " so").text == stopped.text + stopped.hidden + " so"
        step = writer.take(each, writer.vocabulary["so" if kind == "words" else "s"])
        assert step.piece.startswith(stop) and step.moment.text == stopped.text + step.piece


def test_what_is_read_after_a_word_is_another_word(writer):
    words = make_writer("words")
    texts = [words.read(words.read(words.begin(), before), "so").text for before in ("so it", "so it\n", "")]
    assert texts == ["so it so", "so it\nso", "so"]
    assert writer.read(writer.read(writer.begin(), "so i"), "t").text == "so it"


def test_a_stop_string_that_never_comes_holds_nothing_back(writer, moment):
    plain = written(writer, moment, writing_options(max_new_tokens=90))
    stop = (plain[0][-2:] + "\x00", "\x01")
    text, after = written(writer, moment, writing_options(max_new_tokens=90, stop=stop))
    assert text == plain[0] and close(after, plain[1])


def test_a_stop_string_that_begins_in_the_prompt_is_none(writer, moment):
    first = written(writer, moment, writing_options(max_new_tokens=1))[0]
    text, _ = written(writer, moment, writing_options(max_new_tokens=40, stop=(PROMPT[-1] + first + "\x00",)))
    assert text == written(writer, moment, writing_options(max_new_tokens=40))[0]


def test_the_first_token_is_shown_at_once_and_no_run_is_long(writer, moment):
    counts = []
    for step in writer.write(moment, writing_options(max_new_tokens=300), seed=1):
        counts.append(len(step.moment.ids) - len(moment.ids))
    runs = np.diff([0, *counts])
    assert runs[0] == 1 and max(runs) == LONGEST_RUN and counts[-1] == 300


def test_the_same_moment_options_and_seed_write_the_same_text_and_another_seed_another(writer, moment):
    options = writing_options(max_new_tokens=80)
    first = [written(writer, moment, options, seed)[0] for seed in range(5)]
    assert len(set(first)) == 5
    assert [written(writer, moment, options, seed)[0] for seed in range(5)] == first
    assert written(make_writer(), moment, options, 3)[0] == first[3]


def test_moments_stay_as_they_are_and_a_text_can_be_left_at_any_time(writer, moment):
    before = [part.clone() for part in (*moment.state, moment.log_probs, moment.ids)]
    steps = writer.write(moment, writing_options(), seed=1)
    kept = [next(steps).moment for _ in range(3)]
    text = writer.read(kept[1], " it").text
    assert text == kept[1].text + " it"
    written(writer, kept[1], writing_options())
    assert next(steps).moment.text.startswith(kept[2].text)
    assert all(map(torch.equal, before, (*moment.state, moment.log_probs, moment.ids)))


@pytest.mark.parametrize("n", [0, 1, 17])
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_as_many_tokens_are_written_as_asked_for(kind, n):
    writer = make_writer(kind)
    text, after = written(writer, writer.begin(), writing_options(max_new_tokens=n))
    assert len(after.ids) == n
    assert after.text == text
    assert kind != "characters" or len(text) == n


@pytest.mark.parametrize("sizes", [{"cell": "gru"}, {"cell": "rnn", "n_layers": 2}, {"cutoffs": [5]}], ids=str)
def test_networks_without_compiled_steps_write_too(sizes):
    writer = make_writer(**sizes)
    moment = writer.read(writer.begin(), "so")
    text, after = written(writer, moment, writing_options(max_new_tokens=30))
    assert len(text) == 30 and close(after, writer.read(moment, text))


# --- what ends a text, what is never shown ---------------------------------------------------------------------------


def test_a_text_ends_where_the_options_leave_no_token(writer):
    moment = writer.read(writer.begin(), "so")
    text, after = written(writer, moment, writing_options(no_repeat_ngram=1, max_new_tokens=200))
    assert sorted("so" + text) == sorted(set(LETTERS))
    assert {each.probability for each in writer.choices(after, writing_options(no_repeat_ngram=1), n=5)} == {0.0}
    assert written(writer, after, writing_options(no_repeat_ngram=1))[0] == ""
    assert len(written(writer, after, writing_options(max_new_tokens=9))[0]) == 9


def special(writer: Writer) -> Writer:
    """Let the model expect hardly anything but special tokens."""
    with torch.no_grad():
        writer.model.bias[:2] += 30.0
    return writer


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("choices", [{}, {"temperature": 0.0}, {"presence_penalty": 0.1}, {"top_k": 2}], ids=str)
def test_a_special_token_is_never_written_nor_offered(kind, choices):
    writer = special(make_writer(kind))
    moment = writer.read(writer.begin(), "so ☃ it")
    options = writing_options(**choices, max_new_tokens=60)
    text, after = written(writer, moment, options)
    assert min(after.ids[len(moment.ids) :]) >= 2
    assert not any(name in text for name in ("<unk>", "<pad>"))
    offered = writer.choices(moment, options, n=6)
    assert len(offered) == 6 and min(each.id for each in offered) >= 2
    for token in (-1, 0, 1, len(writer.vocabulary)):
        with pytest.raises(ValueError, match="expected the id of a token"):
            writer.take(moment, token)


def test_bytes_are_shown_when_their_character_is_whole():
    writer = make_writer("bytes")
    at, pieces = writer.read(writer.begin(), "so"), []
    for byte in "é😀o".encode():
        step = writer.take(at, writer.vocabulary[chr(byte)])
        pieces.append(step.piece)
        at = step.moment
        assert at.text + at.rest.decode(errors="replace")[:1] in ("so", "so�", "soé", "soé�", "soé😀", "soé😀o")
    assert pieces == ["", "é", "", "", "", "😀", "o"]
    assert (at.text, at.rest) == ("soé😀o", b"")


def test_a_character_that_was_cut_is_shown_whole_once_it_goes_on():
    writer = make_writer("bytes")
    half = writer.take(writer.read(writer.begin(), "so"), writer.vocabulary["Ã"]).moment
    text, after = written(writer, half, writing_options(max_new_tokens=0))
    assert (text, after.text, after.rest) == ("", "so", b"\xc3")
    step = writer.take(after, writer.vocabulary["©"])
    assert (step.piece, step.moment.text) == ("é", "soé")
    read_on = writer.read(half, "it")
    assert (read_on.text, read_on.rest) == ("soit", b"")  # the half character is no text


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("choices", [{}, {"stop": ("\x00\x01",)}, {"presence_penalty": 0.1}], ids=str)
def test_the_pieces_are_the_text_of_the_moments(kind, choices):
    writer = make_writer(kind)
    for seed in range(6):
        moment = writer.read(writer.begin(), "so")
        text = moment.text
        for step in writer.write(moment, writing_options(**choices, max_new_tokens=100, temperature=1.5), seed=seed):
            text += step.piece
            assert step.moment.text == text
        assert text == step.moment.text


def test_words_are_written_with_blanks_between_them_and_lines_without_any_at_their_ends():
    writer = make_writer("words")
    moment = writer.begin()
    text, after = written(writer, moment, writing_options(max_new_tokens=200, temperature=1.2))
    assert "\n" in text and text.replace("\n", " \n ").split(" ") != WORDS
    assert all(line == " ".join(line.split()) for line in text.split("\n"))
    tokens = [writer.vocabulary.token(token) for token in after.ids.tolist()]
    assert text.replace("\n", " \n ").split() == [token for token in tokens if token != "\n"]
    assert text.count("\n") == tokens.count("\n")
    for prompt in ("so it", "so it "):
        asked = writer.read(writer.begin(), prompt)
        assert writer.take(asked, writer.vocabulary["on"]).moment.text == "so it on"


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_text_begins_as_if_a_line_had_ended(writer):
    begin = writer.begin()
    assert (begin.text, len(begin.ids), begin.rest) == ("", 0, b"")
    with torch.inference_mode():
        log_probs, _ = writer.model(torch.tensor([[writer.vocabulary["\n"]]]))
    assert torch.equal(begin.log_probs, log_probs[0, -1])
    assert close(writer.read(begin, ""), begin)


def test_where_no_line_ends_a_text_begins_after_something_unknown():
    writer = make_writer(tokens="abc")
    with torch.inference_mode():
        log_probs, _ = writer.model(torch.tensor([[writer.vocabulary.unknown_id]]))
    assert torch.equal(writer.begin().log_probs, log_probs[0, -1])


@pytest.mark.parametrize("kind", ["characters", "bytes", "words"])
def test_a_prompt_in_pieces_is_the_whole_prompt(kind):
    writer = make_writer(kind)
    whole = writer.read(writer.begin(), "so it\ngoes on")
    assert close(writer.read(writer.read(writer.begin(), "so it\n"), "goes on"), whole)
    assert whole.text == "so it\ngoes on"


def test_a_long_prompt_is_read_part_by_part(writer, monkeypatch):
    text = "so it goes. " * 30
    whole = writer.read(writer.begin(), text)
    monkeypatch.setattr(writing, "LONGEST_READ", 7)
    assert close(writer.read(writer.begin(), text), whole)


def test_the_reading_of_a_prompt_can_be_left_after_each_part(writer, monkeypatch):
    monkeypatch.setattr(writing, "LONGEST_READ", 7)
    reading = writer.reading(writer.begin(), "so it goes. " * 3)
    assert [next(reading) for _ in range(6)] == [None] * 6  # 36 tokens
    assert not torch.is_inference_mode_enabled()
    with pytest.raises(StopIteration) as end:
        next(reading)
    assert close(end.value.value, writer.read(writer.begin(), "so it goes. " * 3))


def test_line_ends_of_a_prompt_are_words_too():
    writer = make_writer("words")
    ids = writer.read(writer.begin(), "so\n\nit\n").ids.tolist()
    assert [writer.vocabulary.token(token) for token in ids] == ["so", "\n", "\n", "it", "\n"]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_what_was_never_seen_can_be_read_and_stays_in_the_text(kind):
    writer = make_writer(kind)
    for prompt in ("☃ ж\x00", "\ud83d", "☃" * 2000):
        moment = writer.read(writer.begin(), prompt)
        assert moment.text == prompt
        text, after = written(writer, moment, writing_options(max_new_tokens=5))
        assert after.text == prompt + text and torch.isfinite(after.log_probs).all()


def test_what_is_unknown_of_a_prompt_is_counted_in_the_units_of_the_model():
    assert make_writer("words").note_on("so ☃ it☃\ngoes") == "2 words of the prompt are unknown to the model"
    assert make_writer("words").note_on("no") == "1 word of the prompt is unknown to the model"
    assert make_writer().note_on("☃" * 2000) == "2,000 characters of the prompt are unknown to the model"
    assert make_writer().note_on("so it") == make_writer("bytes").note_on("☃") == ""


def test_penalties_see_the_prompt(writer):
    moment = writer.read(writer.begin(), "so")
    offered = {each.text: each.probability for each in writer.choices(moment, writing_options(no_repeat_ngram=1), n=99)}
    assert {text for text, probability in offered.items() if probability == 0} == {"s", "o"}


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_prompt_is_continued_piece_by_piece_without_empty_ones(kind):
    writer = make_writer(kind)
    options = writing_options(max_new_tokens=80, temperature=1.5)
    pieces = list(writer.continue_text("so", options, seed=4))
    assert all(pieces) and len(pieces) > 3
    assert "".join(pieces) == written(writer, writer.read(writer.begin(), "so"), options, 4)[0]
    with pytest.raises(UsageError, match=r"stop\.1: expected a string of 1 or more characters"):
        writer.continue_text("so", writing_options(stop=("",)), seed=1)


def test_the_unit_is_what_the_tokenizer_cuts():
    units = {make_writer(kind).unit for kind in TOKENIZERS}
    assert units == {"characters", "bytes", "subwords", "words"}


# --- moments in files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("sizes", [{}, {"n_layers": 2, "tied": True}, {"cell": "gru"}], ids=str)
def test_a_moment_comes_back_from_its_file_to_the_last_bit(kind, sizes, tmp_path):
    writer = make_writer(kind, **sizes)
    moment = written(writer, writer.read(writer.begin(), "so é"), writing_options(max_new_tokens=5), 3)[1]
    writer.save_moment(moment, tmp_path / "a")
    text, again = make_writer(kind, **sizes).load_moment(tmp_path / "a")
    assert text == moment.text
    assert (again.text, again.rest, again.ids.tolist()) == (moment.text, moment.rest, moment.ids.tolist())
    assert all(map(torch.equal, (*again.state, again.log_probs), (*moment.state, moment.log_probs)))
    options = writing_options(max_new_tokens=40, presence_penalty=0.2)
    assert written(writer, again, options)[0] == written(writer, moment, options)[0]


def test_bytes_that_wait_for_others_are_kept_in_the_file(tmp_path):
    writer = make_writer("bytes")
    half = writer.take(writer.begin(), writer.vocabulary["Ã"]).moment
    writer.save_moment(half, tmp_path / "a")
    step = writer.take(writer.load_moment(tmp_path / "a").moment, writer.vocabulary["©"])
    assert (step.piece, step.moment.text) == ("é", "é")


@pytest.mark.parametrize("other", [{"seed": 4}, {"tokens": LETTERS[::-1] + "x"}, {"n_layers": 2}], ids=str)
def test_of_another_models_moment_there_is_the_text(writer, moment, other, tmp_path):
    writer.save_moment(moment, tmp_path / "a")
    assert make_writer(**other).load_moment(tmp_path / "a") == (moment.text, None)


def test_what_is_no_moment_is_refused_in_one_line(writer, moment, tmp_path):
    path = tmp_path / "a"
    with pytest.raises(ModelError, match="No such file"):
        writer.load_moment(path)
    writer.save_moment(moment, path)
    content = path.read_bytes()
    for damaged in (b"", b"not a moment", content[:-3], content[:-3] + b"xyz", content.replace(b"so it", b"so if")):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"^[^\n]*a is damaged[^\n]*$"):
            writer.load_moment(path)
    save_tensors(path, {"a": torch.zeros(1)}, {"text": "so"})
    with pytest.raises(ModelError, match=r"a: holds no moment of a text$"):
        writer.load_moment(path)
