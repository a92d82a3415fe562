"""The translator on the command line, on a task whose right answer is known: sequences turned round."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nlp_lstm import load
from nlp_lstm.cli.main import main
from nlp_lstm.config import TranslatingOptions, problems_of
from nlp_lstm.metrics.translation import translation_report

DATA = Path(__file__).parents[2] / "data" / "reverse"
HELD_OUT = [line.split("\t") for line in (DATA / "test.tsv").read_text(encoding="ascii").strip().split("\n")]


@pytest.fixture(scope="module")
def reverser(tmp_path_factory) -> Path:
    """Return the folder of a model that the recipe `reverse` has trained, as anyone would."""
    folder = tmp_path_factory.mktemp("reverser") / "run"
    assert main(["train", "reverse", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sources") / "test.txt"
    path.write_text("".join(f"{source}\n" for source, _ in HELD_OUT), encoding="utf-8")
    return path


def test_sequences_it_never_saw_are_turned_round(run, reverser, sources):
    ran = run("predict", reverser, sources)
    right = [found == target for found, (_, target) in zip(ran.out.split("\n"), HELD_OUT, strict=False)]
    assert ran.code == 0 and len(right) == 200
    assert np.mean(right) >= 0.99


def test_attention_lies_where_the_answer_comes_from(run, reverser, sources):
    """The symbol at place t of the translation is the one at place n − 1 − t of the source."""
    ran = run("predict", reverser, sources, "--attention", "--format", "jsonl")
    near = total = 0.0
    for line, (source, _) in zip(ran.out.strip().split("\n"), HELD_OUT, strict=True):
        found = json.loads(line)
        (alignment,) = found["attention"]
        weights = np.array(alignment["weights"])  # (target_time, source_time)
        place = np.arange(weights.shape[1])
        answer = len(place) - 1 - np.arange(len(weights))[:, None]  # (target_time, 1)
        near += weights[np.abs(place - answer) <= 1].sum()
        total += weights.sum()
        for side, text in (("source", source), ("target", found["translation"])):
            tokens, starts = alignment[f"{side}_tokens"], alignment[f"{side}_starts"]
            assert [text[start] for start in starts] == tokens == text.split(" ")
        if found["translation"].split() == source.split()[::-1] and weights.shape[1] > 1:
            assert weights.argmax(1).tolist() == sorted(weights.argmax(1).tolist(), reverse=True)
    assert near / total >= 0.9


def test_the_flag_equals_the_keyword(run, reverser):
    text = "7 x b a 4"
    ran = run("predict", reverser, "--text", text, "--attention", "--n-best", 3, "--format", "jsonl")
    found = load(reverser).predict(text, attention=True, n_best=3).to_dict()
    assert json.loads(ran.out) == {"id": 0, "text": text, **json.loads(json.dumps(found))}
    assert len({json.dumps(each["attention"]) for each in found["alternatives"]}) == 3


def test_a_table_shows_the_symbols_from_last_to_first(run, reverser):
    ran = run("predict", reverser, "--text", "a b c 1 2", "--text", "", "--text", "x y", "--attention")
    assert ran.code == 0 and "\x1b" not in ran.out
    first, second = (block.split("\n") for block in ran.out.split("\n\n") if block.startswith("%"))
    rows = [line.split() for line in first]
    assert [row[0] for row in rows] == ["%", "2", "1", "c", "b", "a"] and rows[0][1:] == ["a", "b", "c", "1", "2"]
    numbers = np.array([[int(cell.replace("·", "0")) for cell in row[1:]] for row in rows[1:]])
    assert numbers.argmax(1).tolist() == [4, 3, 2, 1, 0] and np.abs(numbers.sum(1) - 100).max() <= 3
    assert [line.split()[0] for line in second[:3]] == ["%", "y", "x"]
    assert re.search(r"\n\n\ny x\n", ran.out)  # the empty line in between gives an empty line


def test_a_page_changes_no_line_and_shows_every_text(run, reverser, tmp_path):
    page = tmp_path / "page.html"
    for form in ("text", "jsonl", "tsv"):
        line = ["predict", reverser, "--text", "a <b> & c", "--text", "", "--text", "q 1", "--format", form]
        plain = line if form != "jsonl" else [*line, "--n-best", 2]
        assert run(*line, "--n-best", 2, "--html", page).out == run(*plain).out
    content = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|src=|<script|<link|url\(|@import", content)
    assert content.count("<section>") == 3 and content.count("<table>") == 4 and content.count("<details>") == 2
    assert "a &lt;b&gt; &amp; c" in content and "<b>" not in content
    ran = run("predict", reverser, "--text", "a b", "--attention", "--format", "jsonl", "--html", page)
    assert "attention" in json.loads(ran.out)


def test_the_report_says_how_it_was_made_and_how_many_names_came_over(run, reverser):
    ran = run("evaluate", reverser, DATA / "test.tsv", "--require", "names=0.95")
    assert ran.code == 0
    assert re.search(r"^signature nrefs:1\|.*version", ran.out, re.MULTILINE)
    assert re.search(r"^names (0\.9\d+|1\.0000) of \d+$", ran.out, re.MULTILINE)


def test_what_predict_looks_for_can_be_scored(run, reverser, trained, tmp_path):
    pairs = HELD_OUT[:40]
    path = tmp_path / "some.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    scores = {}
    for flags in ([], ["--beam", 1], ["--block-ngrams", 1, "--length-penalty", 0, "--coverage-penalty", 3]):
        texts = [piece for source, _ in pairs for piece in ("--text", source)]
        found = run("predict", reverser, *texts, *flags).out.split("\n")[:-1]
        report = json.loads(run("evaluate", reverser, path, "--format", "json", *flags).out)
        sources, references = map(list, zip(*pairs, strict=True))
        expected = translation_report(sources, references, found, lowercase=False).to_dict()
        assert report == expected
        scores[str(flags)] = report["chrf"]
    assert len(set(scores.values())) > 1
    ran = run("evaluate", trained, path, "--beam", 2)
    assert (ran.code, ran.out, ran.err) == (2, "", "error: --beam: a model of this kind has no such option\n")
    ran = run("evaluate", "none", path, "--beam", 0)
    assert (ran.code, ran.err) == (2, "error: a model cannot be scored so: --beam: expected at least 1, found 0\n")


def test_what_a_format_or_a_task_cannot_show_is_refused(run, reverser, trained, tmp_path):
    page = tmp_path / "page.html"
    for model, flags, message in (
        (reverser, ["--attention", "--format", "tsv"], "--attention: --format tsv does not show it; text and jsonl do"),
        (reverser, ["--format", "conll"], "--format conll: this model does not tag words"),
        (trained, ["--attention"], "--attention: a model of this kind has no such option"),
        (trained, ["--html", page], "--html: there is no page for a model of this kind"),
    ):
        ran = run("predict", model, "--text", "a b", *flags)
        assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")
    assert not page.exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--beam", 0], "--beam: expected at least 1, found 0"),
        (["--beam", 100_000], "--beam: expected at most 1000, found 100000"),
        (["--n-best", -1], "--n-best: expected at least 0, found -1"),
        (["--length-penalty", "nan"], "--length-penalty: expected a finite number, found nan"),
        (["--length-penalty", -1], "--length-penalty: expected at least 0, found -1.0"),
        (["--coverage-penalty", "inf"], "--coverage-penalty: expected a finite number, found inf"),
        (["--coverage-penalty", 1000], "--coverage-penalty: expected at most 100, found 1000.0"),
        (["--n-best", 5, "--beam", 3], "--n-best 5 needs --beam 5 or more"),
        (["--block-ngrams", -1], "--block-ngrams: expected at least 0, found -1"),
    ],
)
def test_a_value_out_of_its_range_is_told_before_the_model_is_looked_for_as_python_tells_it(run, flags, message):
    ran = run("predict", "none", "--text", "a", *flags)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: a model cannot answer so: {message}\n")
    names = {flag: flag.removeprefix("--").replace("-", "_") for flag in flags[::2]}
    given = dict(zip(names.values(), flags[1::2], strict=True))
    found = problems_of(
        TranslatingOptions, {name: float(each) if "penalty" in name else each for name, each in given.items()}
    )
    assert found == [re.sub("|".join(names), lambda flag: names[flag[0]], message)]


def test_all_wrong_values_are_told_together(run):
    ran = run("predict", "none", "--text", "a", "--beam", 0, "--block-ngrams", -2, "--top-p", 3)
    title, *lines = ran.err.strip().split("\n  ")
    assert (ran.code, title) == (2, "error: a model cannot answer so: 3 problems")
    assert [line.split(":")[0] for line in lines] == ["--beam", "--block-ngrams", "--top-p"]


def test_a_report_on_one_pair_counts_it_as_one_and_says_what_cannot_be_computed(run, reverser, tmp_path):
    path = tmp_path / "one.tsv"
    path.write_text("a b\tb a\n")
    lines = run("evaluate", reverser, path).out.split("\n")
    assert lines[0] == "1 pair"
    why = "the interval of BLEU needs two sentences or more; names: no name and no number stands both in a source"
    assert f"{why} sentence and in its reference" in lines
    ran = run("evaluate", reverser, path, "--require", "names=0.5")
    assert (ran.code, ran.err) == (
        5,
        f"error: names is undefined ({why} sentence and in its reference), 0.5 was required\n",
    )


def test_predict_reads_the_source_side_of_what_training_reads(run, reverser, sources, tmp_path):
    expected = run("predict", reverser, sources).out
    assert run("predict", reverser, DATA / "test.tsv").out == expected
    lines = [json.dumps({"target": target, "source": source}) for source, target in HELD_OUT]
    (tmp_path / "test.jsonl").write_text("\n".join(lines))
    assert run("predict", reverser, tmp_path / "test.jsonl").out == expected
    headed = "".join(f"{target}\t{source}\n" for source, target in [("turned", "given"), *HELD_OUT])
    (tmp_path / "headed.tsv").write_text(headed)
    assert run("predict", reverser, tmp_path / "headed.tsv", "--text-column", "turned").out == expected
    ran = run("predict", reverser, tmp_path / "headed.tsv", "--text-column", "turnd")
    assert ran.code == 3 and "did you mean 'turned'?; --text-column names another" in ran.err


def test_a_model_remembers_the_columns_and_the_languages_of_its_training(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{number} a\ta {number}" for number in range(40)]
    Path("t.tsv").write_text("\n".join(["Englisch\tDeutsch", *rows]))
    small = [
        "--steps=2",
        "--set",
        "encoder.hidden_size=8",
        "--set",
        "encoder.embed_size=8",
        "--set",
        "tokenizer.vocab_size=270",
    ]
    small += ["--set", "head.hidden_size=8", "--set", "head.embed_size=8"]
    columns = ["--source-column", "Englisch", "--target-column", "Deutsch"]
    assert run("train", "translate", "--train", "t.tsv", *columns, *small, "--out", "columns").code == 0
    Path("p.en").write_text("\n".join(row.split("\t")[0] for row in rows))
    Path("p.de").write_text("\n".join(row.split("\t")[1] for row in rows))
    languages = ["--source-lang", "en", "--target-lang", "de"]
    assert run("train", "translate", "--train", "p", *languages, *small, "--out", "languages").code == 0
    for model, source in (("columns", "t.tsv"), ("languages", "p")):
        ran = run("predict", model, source, "--format", "jsonl")
        assert ran.code == 0
        found = [json.loads(line) for line in ran.out.strip().split("\n")]
        assert [each.get("Englisch", each.get("text")) for each in found] == [row.split("\t")[0] for row in rows]
        answers = load(model).predict([row.split("\t")[0] for row in rows])
        assert [each["translation"] for each in found] == [each.text for each in answers]
