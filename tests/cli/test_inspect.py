"""`nlp-lstm inspect` on a model that was trained by the command line, and its views of every task."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from nlp_lstm import load
from nlp_lstm.cli.inspecting import InspectedText, headline
from nlp_lstm.cli.inspection_page import MEANINGS, OTHER_MEANINGS, STYLE
from nlp_lstm.cli.reaching import clip_line, log_course, reach_view
from nlp_lstm.corpora.reading import Record
from nlp_lstm.inspection import Curve, GradientReport
from nlp_lstm.nn.layers import CELLS
from nlp_lstm.stages import reaching
from tests.stages.made_predictors import PARTS, predictor_of
from tests.tasks.made_texts import TEXTS
from tests.tasks.test_tasks import CASES, INSPECTED

TEXT = "w1 lovely <b>w2</b> & w3"
OPEN = {"section", "div", "table", "p", "span", "h2", "dl", "thead", "tbody", "body", "html", "head", "style", "title"}


class Page(HTMLParser):
    """Sees that what is opened is closed in turn, and keeps all text and what stands in titles."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.titles: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.titles += [value or "" for name, value in attributes if name == "title"]
        assert not {name for name, _ in attributes} & {"src", "href", "onclick", "style"}
        if tag in OPEN:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.texts.append(text)
        if self.rows and "tbody" in self.open:
            self.rows[-1][-1] += text.strip()


def drawn(view: object, *, width: int = 100, **options: object) -> str:
    console = Console(
        file=io.StringIO(), width=width, highlight=False, markup=False, **{"color_system": None, **options}
    )
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def test_a_text_is_shown_with_what_its_label_rests_on(run, trained):
    ran = run("inspect", trained, "--text", "w1 w2 lovely w3")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.split("\n")
    assert re.fullmatch(r"good 0\.9\d+ *", lines[0])
    assert "log-odds of the label 'good': +" in ran.out and "% off)" in ran.out.replace("\n", " ")
    shares = {word: float(share) for word, share in re.findall(r"^ *(\w+) ([+-]\d\.\d{3}) .*│", ran.out, re.M)}
    assert list(shares) == ["w1", "w2", "lovely", "w3"]
    assert max(shares, key=shares.get) == "lovely" and shares["lovely"] > 2 * abs(shares["w2"])
    assert [line.split("(")[0].strip() for line in lines if line.startswith("layer")] == [
        "layer 1 forward",
        "layer 1 backward",
    ]
    assert "forget gate" in ran.out and "\x1b" not in ran.out and max(map(len, lines)) <= 100


def test_json_is_what_python_gives(run, trained):
    ran = run("inspect", trained, "--text", TEXT, "--text", "w4 dull", "--format", "json", "--method", "leave-one-out")
    first, second = (json.loads(line) for line in ran.out.strip().split("\n"))
    model = load(trained)
    assert first == model.inspect(TEXT, method="leave-one-out").to_dict()
    assert second == model.inspect("w4 dull", method="leave-one-out").to_dict()
    ran = run("inspect", trained, "--text", TEXT, "--format", "json", "--target", "bad", "--layer", 1)
    assert json.loads(ran.out) == model.inspect(TEXT, target="bad", layer=1).to_dict()


def test_texts_come_from_files_and_standard_input(run, trained, tmp_path, monkeypatch):
    path = tmp_path / "texts.txt"
    path.write_text("w1 lovely\nw2 dull\n", encoding="utf-8")
    ran = run("inspect", trained, path, "--format", "json")
    assert [json.loads(line)["text"] for line in ran.out.strip().split("\n")] == ["w1 lovely", "w2 dull"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"w1 grim\n")))
    assert json.loads(run("inspect", trained, "-", "--format", "json").out)["text"] == "w1 grim"


def test_a_chosen_layer_is_shown_at_every_token(run, trained):
    ran = run("inspect", trained, "--text", "w1 lovely", "--layer", 1)
    assert len(re.findall(r"^ *lovely( +\d+\.\d\d){6} *$", ran.out, re.M)) == 2  # forward and backward


def test_a_page_holds_every_token_escaped_and_refers_to_nothing(run, trained, tmp_path):
    path = tmp_path / "page.html"
    assert run("inspect", trained, "--text", TEXT, "--text", "w4 \x1b[31m dull", "--html", path).code == 0
    content = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|//|<script|<link|<img|url\(|@import|\x1b", content)
    page = Page(content)
    assert not {"script", "b", "link", "img", "iframe"} & page.tags
    assert "<b>w2</b>" in "".join(page.texts)
    found = load(trained).inspect(TEXT)
    n_parts = len(PARTS["lstm"])
    first = page.rows[: 2 + len(found.tokens)][2:]
    assert [row[0] for row in first] == list(found.tokens)
    for place, row in enumerate(first):
        assert row[1] == f"{found.attribution.values[place]:+.3f}"
        assert row[2] == f"{found.layers[0].parts[0].mean[place]:.2f}" and len(row) == 2 + 2 * n_parts
    gates = [title for title in page.titles if ", layer 1 forward, forget gate: mean " in title]
    assert len(gates) == len(found.tokens) + len(load(trained).inspect("w4 \x1b[31m dull").tokens)
    assert all(re.search(r"\d+% of channels below 0\.1, \d+% above 0\.9$", title) for title in gates)


@pytest.mark.parametrize("name", INSPECTED)
def test_every_task_has_a_view_and_a_page(name):
    predictor = predictor_of(name)
    text = TEXTS[CASES[name].kind]
    found = predictor.inspect(text)
    shown = drawn(InspectedText(layer=1).show(Record(text, {}), found))
    page = Page(InspectedText().page(Record(text, {}), found))
    for line in headline(found):
        assert line.split(": ")[0] in " ".join(shown.split("\n")) and line in page.texts
    for token in found.tokens:
        assert (token.strip() or "␣") in shown
    assert ("rival" in shown) is ("rival" in page.texts) is (CASES[name].kind == "tag")
    assert all(part.name in MEANINGS for layer in found.layers for part in layer.parts)
    assert page.texts.count("what the layer hands on") == 1


def test_other_cells_parts_are_explained_too():
    assert set(MEANINGS) == {name for names in PARTS.values() for name in names}
    assert all(name in PARTS[cell] for cell, name in OTHER_MEANINGS)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_cell_has_a_view_and_a_page(cell):
    found = predictor_of("classify", cell=cell).inspect("so dull it is")
    shown, page = (drawn(InspectedText(layer=2).show(Record("", {}), found)), Page(InspectedText().page(None, found)))
    for part in found.layers[0].parts:
        assert part.title in shown and part.title in page.texts
    assert ("% so" in re.sub(" +", " ", shown)) is (cell == "transformer")  # the head of a table of attention
    heads = [text for text in page.texts if text.startswith("what each token attends to in layer")]
    assert len(heads) == (2 if cell == "transformer" else 0)


def test_a_gate_that_means_two_things_is_told_apart():
    found = predictor_of("translate", cell="minlstm").inspect(TEXTS["translate"])
    texts = Page(InspectedText().page(Record("", {}), found)).texts
    assert {"forget gate (minlstm)", "forget gate (lstm)", "candidate"} <= set(texts)
    assert OTHER_MEANINGS["minlstm", "forget_gate"] in texts and MEANINGS["forget_gate"] in texts


def test_a_decoder_is_shown_beside_the_encoder():
    found = predictor_of("translate").inspect(TEXTS["translate"])
    shown = drawn(InspectedText(layer=1).show(Record("", {}), found))
    page = Page(InspectedText().page(Record("", {}), found))
    assert "decoder layer 1 forward (lstm, 6 channels)" in shown
    assert "gates (mean over channels) and states (norm) of the decoder, step by step" in page.texts
    (steps,) = {layer.steps for layer in found.layers if layer.network}
    titles = [title for title in page.titles if ", decoder layer 2 forward, cell: mean " in title]
    assert len(titles) == len(steps) and titles[0].startswith(f"{steps[0].strip() or '␣'}, ")


def test_colours_show_what_speaks_for_and_against():
    found = predictor_of("classify").inspect("so dull it is fine")
    coloured = drawn(InspectedText().show(Record("", {}), found), color_system="truecolor", force_terminal=True)
    plain = drawn(InspectedText().show(Record("", {}), found))
    assert "\x1b[" in coloured and "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == plain.split()
    assert {"+", "-"} <= set(re.findall(r" ([+-])\d\.\d{3} ", plain))


def test_shares_can_be_read_on_every_shade_of_a_page():
    """A contrast of 4.5 to 1 or more, as WCAG 2 computes it."""

    def luminance(colour: list[float]) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    rule = r"\.[pn]\d+ \{ background: rgb\((\d+) (\d+) (\d+) / (\d+)%\);( color: #fff;)? \}"
    shades = re.findall(rule, STYLE)
    assert len(shades) == 20
    for *colour, percent, white in shades:
        share = int(percent) / 100
        behind = luminance([share * int(part) / 255 + (1 - share) for part in colour])
        letters = 1.0 if white else luminance([0x11 / 255] * 3)
        assert (max(behind, letters) + 0.05) / (min(behind, letters) + 0.05) >= 4.5


def test_gradients_are_shown_as_numbers_and_as_a_chart(run, trained):
    ran = run("inspect", trained, "--gradients", "--text", "w1 w2 lovely w3 " * 30)
    assert (ran.code, ran.err) == (0, "")
    for name in (
        "trained lstm",
        "fresh rnn",
        "fresh gru",
        "fresh lstm",
        "fresh rnn, weights × 0.5",
        "fresh rnn, weights × 3",
    ):
        assert len(re.findall(rf"^ *{re.escape(name)} [\d▁▂▃▄▅▆▇█]", ran.out, re.M)) == 2
        assert re.search(rf"^  {re.escape(name)}: [\d.e+-]+, (clipped to 1, × |not clipped)", ran.out, re.M)
    assert "k=0" in ran.out and "k=100" in ran.out and max(map(len, ran.out.split("\n"))) <= 100
    report = json.loads(run("inspect", trained, "--gradients", "--text", "w1 dull w2", "--format", "json").out)
    assert report == load(trained).gradients("w1 dull w2").to_dict()
    made = run("inspect", trained, "--gradients", "--steps", 5)
    assert "nothing was given" in made.out and "k=5" in made.out and "k=10" not in made.out


def test_what_clipping_does_is_told_in_numbers():
    assert clip_line(Curve("", "", (1.0,), 40.0, 0.5)) == "40, clipped to 0.5, × 0.013"
    assert clip_line(Curve("", "", (1.0,), 0.25, 0.25)) == "0.25, not clipped"
    assert clip_line(Curve("", "", (1.0,), float("inf"), 1.0)) == "too large for a number: clipping cannot mend it"
    report = GradientReport("a b", 2, "score", 1, 1.0, (Curve("x", "rnn", (1.0, float("nan")), float("nan"), 1.0),))
    assert "? too large for a number after 1 step" in re.sub(" +", " ", drawn(reach_view(report)))
    assert json.dumps(report.to_dict(), allow_nan=False)
    assert log_course([1.0, 1e-7, 1e7, float("inf"), 0.0]) == "▅▁██▁"


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_pictures_are_drawn_with_matplotlib(run, trained, tmp_path, ending):
    pytest.importorskip("matplotlib")
    texts, reach = tmp_path / f"texts.{ending}", tmp_path / f"reach.{ending}"
    assert run("inspect", trained, "--text", "w1 lovely $x$ w2", "--plot", texts).code == 0
    assert run("inspect", trained, "--gradients", "--plot", reach).code == 0
    for path in (texts, reach):
        content = path.read_bytes()
        if ending == "png":
            assert content.startswith(b"\x89PNG\r\n") and len(content) > 5_000
        else:
            assert ElementTree.fromstring(content).tag.endswith("svg")
    assert {path.name for path in tmp_path.iterdir()} == {texts.name, reach.name}


def test_without_matplotlib_it_is_said_what_to_install(run, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("nlp_lstm.cli.plotting.find_spec", lambda name: None)
    ran = run("inspect", trained, "--text", "a", "--plot", tmp_path / "a.png")
    assert (ran.code, ran.out, ran.err) == (2, "", 'error: --plot needs matplotlib: pip install "nlp-lstm[plot]"\n')


def test_help_names_the_command(run):
    assert "inspect" in run("--help").out and "--gradients" in run("inspect", "--help").out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give a FILE, - for standard input, or --text T"),
        (["--text", ""], 3, "error: text 1: the text holds no token: there is nothing to inspect"),
        (["--text", "w1", "--gradients"], 3, "error: the text holds one token: an error that reaches back needs two"),
        (["--text", "w1", "--layer", 2], 2, "error: no layer 2: the model has 1"),
        (["--text", "w1", "--window", 2], 2, "error: no window 2: the text's 1 tokens make 1"),
        (["--text", "w1", "--target", "god"], 2, "error: no label 'god'; did you mean 'good'?"),
        (["--text", "w1", "--method", "lime"], 2, "'lime' is not one of 'ig', 'leave-one-out'"),
        (["--text", "w1", "--html", "/nowhere/a.html"], 2, "error: --html /nowhere/a.html: there is no such folder"),
        (["--text", "w1", "--html", "/"], 2, "error: --html /: is a folder"),
        (["--text", "w1", "--plot", "a.gif"], 2, "error: --plot a.gif: expected a name that ends in .png or .svg"),
        (["--text", "w1", "--plot", "/nowhere/a.png"], 2, "error: --plot /nowhere/a.png: there is no such folder"),
        (["--text", "w1", "--text", "w2", "--plot", "a.png"], 2, "error: --plot draws one text, found 2"),
        (["--text", "w1", "--text", "w2", "--gradients"], 2, "error: --gradients looks at one text, found 2"),
        (["--gradients", "--html", "a.html"], 2, "error: --html shows what a text's prediction rests on"),
        (["missing.txt"], 3, "error: missing.txt"),
    ],
)
def test_mistakes_are_told_in_a_line(run, trained, arguments, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = run("inspect", trained, *arguments)
    assert (ran.code, ran.out) == (code, "") and message in ran.err
    assert "Traceback" not in ran.err and not list(tmp_path.glob("*.p*g"))


def test_a_page_that_cannot_be_written_is_told(run, trained, tmp_path):
    path = tmp_path / "old.html"
    path.write_text("old")
    (tmp_path / "old.html.partial").mkdir()
    ran = run("inspect", trained, "--text", "w1", "--html", path)
    assert ran.code == 1 and ran.err.startswith("error: ") and ran.err.count("\n") == 1
    assert path.read_text() == "old"


def test_tasks_and_cells_that_cannot_be_looked_into_are_told_in_a_line(run, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(reaching, "OPENED", {"gru": None, "rnn": None})
    ran = run("inspect", trained, "--text", "w1 w2", "--gradients")
    message = "a lstm carries no state from step to step for an error to go back through"
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")
    other = shutil.copytree(trained, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "task": "rank"}))
    ran = run("inspect", other, "--text", "w1")
    assert ran.code == 4 and "no task 'rank'" in ran.err and ran.err.count("\n") == 1
    assert run("inspect", tmp_path / "nowhere", "--text", "w1").code == 4


def test_a_page_looks_right_in_a_browser(run, trained, tmp_path):
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    import subprocess

    page, shot = tmp_path / "page.html", tmp_path / "page.png"
    run("inspect", trained, "--text", TEXT, "--html", page)
    line = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={shot}", Path(page).as_uri()]
    assert subprocess.run(line, capture_output=True, timeout=60, check=False).returncode == 0
    assert shot.stat().st_size > 5_000
