"""The generator on the command line: training, writing with every flag, prediction, scores, mistakes."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nlp_lstm import load
from nlp_lstm.cli.choices import TRANSLATING, WRITING
from nlp_lstm.cli.generate import generate
from nlp_lstm.cli.main import main
from nlp_lstm.cli.predict import predict
from nlp_lstm.config import WritingOptions
from nlp_lstm.tasks.writing import Writer

LINES = "the lamp is lit\nso it goes on\n\x1b[31m red é 😀\n"
SMALL = ["--set=encoder.embed_size=8", "--set=encoder.hidden_size=24", "--set=training.batch_size=4"]
SMALL += ["--set=training.max_tokens=16", "--set=training.learning_rate=0.03", "--set=encoder.dropout=0.1"]
SMALL += ["--set=training.evaluations=2", "--set=training.ema=0.9", "--set=vocabulary.min_count=1"]


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("generator")
    (folder / "train.txt").write_text(LINES * 60, encoding="utf-8")
    line = ["train", "generate", "--train", folder / "train.txt", "--out", folder / "run", "--steps=60", *SMALL]
    assert main([str(word) for word in line]) == 0
    return folder / "run"


@pytest.fixture
def feed(monkeypatch):
    """Return a function that puts bytes on standard input."""
    return lambda data: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes standard output a terminal; called after `run` has taken its output."""
    return lambda: monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True)


# --- training ------------------------------------------------------------------------------------------------------


def test_training_says_how_to_let_the_model_write_and_the_same_line_again_is_done(run, tmp_path):
    data = tmp_path / "a.txt"
    data.write_text(LINES * 30, encoding="utf-8")
    line = ["train", "generate", "--train", data, "--out", tmp_path / "run", "--steps=2", *SMALL]
    ran = run(*line)
    assert ran.code == 0 and ran.out == ""
    assert f'next: nlp-lstm generate {tmp_path / "run"} --prompt "…"' in ran.err
    assert "held out 10% of them for development" in ran.err
    assert re.search(r"step 2/2 .* dev \d\.\d{4} nats a token \(lower is better\)", ran.err)
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert 'nlp-lstm generate FOLDER --prompt "…"' in card
    assert "| split | texts | nats a token | perplexity | bits a character |" in card
    ran = run(*line)
    assert ran.code == 0 and "holds this run already, finished" in ran.err


def test_a_folder_and_a_pattern_can_be_trained_on(run, tmp_path):
    (tmp_path / "texts").mkdir()
    for name in "ab":
        (tmp_path / "texts" / f"{name}.txt").write_text(LINES * 20, encoding="utf-8")
    for number, source in enumerate((tmp_path / "texts", f"{tmp_path}/texts/*.txt")):
        out = tmp_path / f"run{number}"
        ran = run("train", "generate", "--train", source, "--out", out, "--steps=2", *SMALL)
        assert ran.code == 0, ran.err
    assert (tmp_path / "run0/model.safetensors").read_bytes() == (tmp_path / "run1/model.safetensors").read_bytes()


BAD = {
    "empty": (b"", [], 3, r"train\.txt: has 0 characters; expected two or more"),
    "one token": (b"a", [], 3, r"train\.txt: has 1 character; expected two or more"),
    "nothing to hold out": (
        *(b"so it", ["--set=training.batch_size=1"], 3),
        r"train\.txt: the part held out of it holds one token; .*: --dev FILE or a larger data\.dev_fraction",
    ),
    "shorter than the streams": (
        *(b"so it goes\n" * 6, ["--set=training.batch_size=40"], 3),
        r"59 tokens are too few for .* 80, or --set training\.batch_size=29",
    ),
    "no UTF-8": (b"so it\n" * 20 + b"go\xffes\n", [], 3, r"line 21 of .*train\.txt: byte 0xff is not UTF-8"),
    "UTF-16": ("so it goes\n".encode("utf-16") * 20, [], 3, r"train\.txt: is UTF-16; expected UTF-8"),
    "binary junk": (bytes(range(250, 127, -1)) * 9, [], 3, r"line 1 of .*train\.txt: byte 0xfa is not UTF-8"),
    "only rare tokens": (b"so it goes\n" * 20, ["--set=vocabulary.min_count=999"], 3, "holds no token that comes"),
    "no words": (b" " * 500, ["--set=tokenizer.kind=blanks"], 3, "holds no token"),
    "both ways": (b"so it goes\n" * 20, ["--set=encoder.bidirectional=true"], 2, r"^error: encoder\.bidirectional: "),
    "no format": (b"so it goes\n" * 20, ["--data-format=jsonll"], 2, r"data\.format: no data format 'jsonll'"),
    "another format": (b"so it goes\n" * 20, ["--data-format=jsonl"], 3, r"line 1 of .*train\.txt: "),
    "cutoffs": (b"so it goes\n" * 20, ["--set=head.softmax=adaptive"], 2, r"head\.cutoffs: expected rising places"),
    "softmax": (b"so it goes\n" * 20, ["--set=head.softmax=tide"], 2, r"head\.softmax: expected 'full', 'tied' or"),
    "dev of one token": (b"so it goes\n" * 20, ["--dev={one}"], 3, r"one\.txt: holds one token; expected two"),
}


@pytest.mark.parametrize(("content", "more", "code", "complaint"), BAD.values(), ids=BAD)
def test_what_cannot_be_trained_on_is_said_in_one_line_before_training(run, tmp_path, content, more, code, complaint):
    (tmp_path / "train.txt").write_bytes(content)
    (tmp_path / "one.txt").write_text("s")
    flags = [flag.format(one=tmp_path / "one.txt") for flag in more]
    line = ["train", "generate", "--train", tmp_path / "train.txt", "--out", tmp_path / "run", "--steps=2"]
    ran = run(*line, *SMALL, *flags)
    assert ran.code == code, ran.err
    error = ran.err.strip().split("\n")[-1]
    assert error.startswith("error: ") and re.search(complaint, error)
    assert "step 1/" not in ran.err and "Traceback" not in ran.err


def test_control_characters_are_text_like_any_other(run, tmp_path):
    data = tmp_path / "a.txt"
    data.write_bytes(bytes(range(128)) * 20)
    assert run("train", "generate", "--train", data, "--out", tmp_path / "run", "--steps=2", *SMALL).code == 0
    ran = run("data", "check", data, "--task", "generate")
    assert ran.code == 0 and "control characters U+0000, U+0001" in ran.out


# --- writing -------------------------------------------------------------------------------------------------------


def test_the_prompt_and_what_comes_after_it_are_printed_as_python_gives_them(run, generator):
    ran = run("generate", generator, "--prompt", "the lamp", "--max-new-tokens", 40, "--top-p", 0.9, "--seed", 3)
    expected = "".join(load(generator).stream("the lamp", max_new_tokens=40, top_p=0.9, seed=3))
    assert (ran.code, ran.out, ran.err) == (0, f"the lamp{expected}\n", "")
    assert len(expected) == 40
    assert run("generate", generator, "--max-new-tokens", 0, "--prompt", "so").out == "so\n"
    assert run("generate", generator).out == "".join(load(generator).stream("")) + "\n"


FLAGS = {
    "--max-new-tokens": [30],
    "--temperature": [1.5],
    "--top-k": [2],
    "--top-p": [0.5],
    "--min-p": [0.4],
    "--repetition-penalty": [3],
    "--frequency-penalty": [1],
    "--presence-penalty": [2],
    "--penalty-window": [2, "--presence-penalty", 2],
    "--no-repeat-ngram": [2],
    "--logit-bias": ["é=6"],
    "--beam": [3],
    "--stop": [" "],
    "--seed": [2],
    "--num-return-sequences": [2],
    "--format": ["jsonl"],
    "--prompt": ["so"],
}


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_changes_what_is_written(run, generator, flag):
    value, *others = FLAGS[flag]
    plain = run("generate", generator, "--prompt=the", "--max-new-tokens=60", *others)
    changed = run("generate", generator, "--prompt=the", "--max-new-tokens=60", *others, flag, value)
    assert plain.code == changed.code == 0
    assert plain.out != changed.out
    assert changed == run("generate", generator, "--prompt=the", "--max-new-tokens=60", *others, flag, value)


def test_every_flag_of_the_command_is_tried_above_and_every_option_has_its_flag_and_default():
    flags = {option.opts[0] for option in generate.params if isinstance(option, click.Option)}
    assert list(WRITING) == [*(f"--{name.replace('_', '-')}" for name in WritingOptions.model_fields), "--seed"]
    assert flags == {*FLAGS, "--device"}
    for name, value in WritingOptions():
        help = WRITING[f"--{name.replace('_', '-')}"]["help"]
        assert help.endswith(f"  [{value}]") == (value not in (0, 0.0, 1.0, {}, ()))  # of those that do something


def test_predict_takes_the_flags_of_writing_as_generate_does(run, generator, tmp_path):
    names = {option.opts[0] for option in predict.params if isinstance(option, click.Option)}
    assert {*WRITING, *TRANSLATING} <= names
    line = ["--temperature", 0.3, "--max-new-tokens", 20, "--logit-bias", "é=3", "--stop", "go", "--seed", 4]
    ran = run("predict", generator, "--text", "the", *line, "--format", "jsonl")
    expected = load(generator)("the", temperature=0.3, max_new_tokens=20, logit_bias={"é": 3}, stop=["go"], seed=4)
    assert json.loads(ran.out)["continuation"] == expected.continuation
    assert run("generate", generator, "--prompt", "the", *line).out == f"the{expected.continuation}\n"


def test_predict_refuses_values_of_writing_as_generate_does_and_models_that_do_not_write(run, generator, trained):
    for flags in (
        ["--top-p", 1.5],
        ["--beam", 2, "--top-k", 3],
        ["--beam", 2, "--seed", 3],
        ["--stop="],
        ["--logit-bias", "e=x"],
        ["--temperature", "nan"],
    ):
        ran, other = run("predict", generator, "--text", "a", *flags), run("generate", generator, *flags)
        assert ran.code == other.code == 2 and ran.out == other.out == ""
        assert ran.err.replace("a model cannot answer so", "a text cannot be written so") == other.err
    ran = run("predict", trained, "--text", "a", "--temperature", 0.5)
    assert (ran.code, ran.err) == (2, "error: --temperature: a model of this kind has no such option\n")


def test_each_of_several_texts_is_the_one_of_its_own_seed(run, generator):
    line = ["generate", generator, "--prompt", "so", "--max-new-tokens", 30]
    ran = run(*line, "--seed", 4, "--num-return-sequences", 3)
    alone = [run(*line, "--seed", seed).out for seed in (4, 5, 6)]
    assert ran.out == "".join(alone) and len(set(alone)) == 3
    assert ran.err == "--- seed 4\n--- seed 5\n--- seed 6\n"
    ran = run(*line, "--seed", 4, "--num-return-sequences", 3, "--format", "jsonl")
    found = [json.loads(each) for each in ran.out.splitlines()]
    assert [(each["seed"], each["prompt"]) for each in found] == [(4, "so"), (5, "so"), (6, "so")]
    assert [f"so{each['continuation']}\n" for each in found] == alone and ran.err == ""


def test_the_prompt_can_stand_on_standard_input(run, generator, feed):
    feed("the é\nlamp\n".encode())
    ran = run("generate", generator, "--prompt", "-", "--max-new-tokens", 5)
    assert ran.out == run("generate", generator, "--prompt", "the é\nlamp", "--max-new-tokens", 5).out
    feed(b"\xef\xbb\xbfso \xef\xbb\xbf")  # only the first one is a mark
    ran = run("generate", generator, "--prompt", "-", "--max-new-tokens", 5)
    assert ran.out == run("generate", generator, "--prompt", "so \ufeff", "--max-new-tokens", 5).out
    feed(b"so \xff")
    ran = run("generate", generator, "--prompt", "-")
    assert (ran.code, ran.out, ran.err) == (3, "", "error: standard input: byte 4 is not UTF-8; expected UTF-8\n")


def test_that_a_long_prompt_is_being_read_is_told(run, generator):
    ran = run("generate", generator, "--prompt", "so" * 10_001, "--max-new-tokens", 1)
    assert ran.err == "reading a prompt of 20,002 characters\n" and len(ran.out) == 20_004


@pytest.mark.parametrize("prompt", ["☃ ж", "", " ", "\n", "so" * 3000])
def test_any_prompt_is_gone_on_with(run, generator, prompt):
    ran = run("generate", generator, "--prompt", prompt, "--max-new-tokens", 7)
    begin = prompt.encode(errors="backslashreplace").decode()
    assert ran.code == 0 and ran.out.startswith(begin) and len(ran.out) == len(begin) + 7 + 1


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        ("the☃lamp", "note: 1 character of the prompt is unknown to the model\n"),
        ("☃the☃ж", "note: 3 characters of the prompt are unknown to the model\n"),
        ("the", ""),
    ],
)
def test_that_a_prompt_holds_something_unknown_is_told(run, generator, prompt, note):
    ran = run("generate", generator, "--prompt", prompt, "--max-new-tokens", 3)
    assert (ran.code, ran.err) == (0, note) and ran.out.startswith(prompt)


def test_a_stop_string_ends_the_text_and_is_not_shown(run, generator):
    whole = run("generate", generator, "--max-new-tokens", 80).out
    stop = whole[20:22]
    ran = run("generate", generator, "--max-new-tokens", 80, "--stop", stop, "--stop", "never comes")
    assert ran.out == whole[: whole.index(stop)] + "\n"
    assert run("generate", generator, "--max-new-tokens", 80, "--stop", "never comes").out == whole


def test_where_no_token_is_left_the_text_ends(run, generator):
    ran = run("generate", generator, "--no-repeat-ngram", 1, "--max-new-tokens", 200)
    assert ran.code == 0 and sorted(ran.out.removesuffix("\n")) == sorted(set(LINES))


WRONG = {
    "--top-p 1.5": ["error: a text cannot be written so: --top-p: expected at most 1, found 1.5"],
    "--top-p 0": ["error: a text cannot be written so: --top-p: expected more than 0, found 0.0"],
    "--temperature -1": ["--temperature: expected at least 0, found -1.0"],
    "--temperature nan": ["--temperature: expected a finite number, found nan"],
    "--temperature warm": ["--temperature", "'warm' is not a valid float"],
    "--top-k -1 --min-p 2": ["2 problems\n", "  --top-k: expected", "  --min-p: expected"],
    "--max-new-tokens -1": ["--max-new-tokens: expected at least 0, found -1"],
    "--repetition-penalty 0": ["--repetition-penalty: expected"],
    "--frequency-penalty 1e9": ["--frequency-penalty: expected at most 1000000"],
    "--presence-penalty inf": ["--presence-penalty: expected a finite number"],
    "--penalty-window -2": ["--penalty-window: expected"],
    "--beam 0": ["--beam: expected at least 1, found 0"],
    "--beam 1001": ["--beam: expected at most 1000, found 1001"],
    "--beam 3 --presence-penalty 1": ["beam: a search for the likeliest text takes no penalties and no biases"],
    "--beam 3 --num-return-sequences 2": ["--num-return-sequences: a search with --beam finds one text"],
    "--beam 3 --temperature 0.7 --top-k 3": [
        "beam: a search for the likeliest text draws nothing: it takes no temperat"
    ],
    "--beam 3 --top-p 0.9": ["it takes no top-p\n"],
    "--beam 3 --min-p 0.1 --seed 1": ["it takes no min-p and no seed\n"],
    "--no-repeat-ngram -2": ["--no-repeat-ngram: expected"],
    "--logit-bias 5": ["--logit-bias: expected TEXT=NUMBER, found '5'"],
    "--logit-bias e=5 --logit-bias e=-5": ["--logit-bias: expected each text once, found e=5 e=-5"],
    "--logit-bias =5": ["--logit-bias: expected TEXT=NUMBER, found '=5'"],
    "--logit-bias e=much": ["--logit-bias: expected TEXT=NUMBER, found 'e=much'"],
    "--logit-bias e=inf": ["--logit-bias: expected TEXT=NUMBER, found 'e=inf'"],
    "--logit-bias ☃=5": ["no bias for '☃': the model has no token for it"],
    "--stop=": ["--stop: expected a string of 1 or more characters, found ''"],
    "--stop=a --stop=": ["--stop.2: expected a string of 1 or more characters, found ''"],
    "--stop=a\udcff": ["--stop: expected text that can be written in UTF-8, found 'a\\udcff'"],
    "--prompt=a\udcff\udcfeb": ["error: --prompt: expected text in UTF-8, found 'a\\udcff\\udcfeb'"],
    "--seed -1": ["--seed", "-1 is not in the range x>=0"],
    "--num-return-sequences 0": ["--num-return-sequences", "0 is not in the range x>=1"],
    "--device tpu9": ["device 'tpu9' cannot be used here"],
}


@pytest.mark.parametrize("flags", WRONG)
def test_a_value_out_of_its_range_is_named_by_its_flag_before_anything_is_written(run, generator, flags):
    ran = run("generate", generator, "--prompt", "the", *flags.split(" "))
    assert ran.code == 2 and ran.out == "" and "Traceback" not in ran.err
    assert all(words in ran.err for words in WRONG[flags])
    assert "_" not in ran.err.split("Invalid")[0].replace(str(generator), "")


def test_a_model_that_does_not_write_and_a_folder_without_one_are_refused(run, trained, tmp_path):
    ran = run("generate", trained, "--prompt", "so")
    expected = "error: the model does not write: its task is 'classify', not 'generate'\n"
    assert (ran.code, ran.out, ran.err) == (2, "", expected)
    assert run("generate", tmp_path, "--prompt", "so").code == 4


@pytest.mark.parametrize("command", ["generate", "shell"])
def test_what_is_no_folder_is_refused_before_anything_heavy_is_loaded(command, tmp_path):
    (tmp_path / "a.txt").write_text("so it goes")
    for name, complaint in (
        ("a.txt", "no model at a.txt: it is a file"),
        ("gone", "no model at gone: there is no such"),
    ):
        code = "import sys; from nlp_lstm.cli.main import main; "
        code += f"print(main(['{command}', '{name}']), 'torch' in sys.modules)"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
        assert ran.stdout == "4 False\n" and ran.stderr.startswith(f"error: {complaint}")


def test_each_piece_is_printed_before_the_next_is_written(run, generator, monkeypatch):
    events: list[tuple[str, str]] = []
    inner, echo = Writer.continue_text, click.echo

    def written(self: Writer, *given: object, **more: object) -> Iterator[str]:
        for piece in inner(self, *given, **more):
            events.append(("written", piece))
            yield piece

    def shown(text: str = "", **more: object) -> None:
        events.append(("shown", text))
        echo(text, **more)

    monkeypatch.setattr(Writer, "continue_text", written)
    monkeypatch.setattr(click, "echo", shown)
    ran = run("generate", generator, "--prompt", "the", "--max-new-tokens", 200)
    assert events[0] == ("shown", "the") and events[-1] == ("shown", "\n")
    pieces = [text for _, text in events[1:-1:2]]
    assert events[1:-1] == [(what, piece) for piece in pieces for what in ("written", "shown")]
    assert len(pieces) > 5 and len(pieces[0]) == 1
    assert ran.out == f"the{''.join(pieces)}\n"


def test_a_terminal_gets_no_control_character_and_a_pipe_gets_all(run, generator, terminal):
    line = ["generate", generator, "--prompt", "\x1b[2J\x9bso\t\n", "--logit-bias", "\x1b=8", "--max-new-tokens", 30]
    piped = run(*line).out
    assert piped.count("\x1b") > 2 and "\x9b" in piped
    terminal()
    shown = run(*line).out
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    assert shown.startswith("␛[2J�so\t\n") and len(shown) == len(piped)


def test_a_reader_that_leaves_early_is_no_failure(generator):
    command = f"'{sys.executable}' -m nlp_lstm generate '{generator}' --max-new-tokens 3000 | head -c 5"
    ran = subprocess.run(["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"], capture_output=True, check=True)
    assert ran.stdout[5:] == b"0\n" and ran.stderr == b""


# --- the other commands --------------------------------------------------------------------------------------------


def test_predict_continues_line_for_line(run, generator, tmp_path):
    file = tmp_path / "in.txt"
    file.write_bytes("the lamp\n\nso\n☃\x00\nthe lamp\n".encode())
    lines = run("predict", generator, file).out.removesuffix("\n").split("\n")
    model = load(generator)
    expected = [model("the lamp"), model(""), model("so"), model("☃\x00"), model("the lamp")]
    assert lines == [each.to_text() for each in expected]
    assert lines[0] == lines[4] and lines[0].startswith("the lamp")
    assert not any(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", line) for line in lines)
    found = [json.loads(line) for line in run("predict", generator, file, "--format=jsonl").out.splitlines()]
    assert [each["id"] for each in found] == [0, 1, 2, 3, 4]
    assert [each["continuation"] for each in found] == [each.continuation for each in expected]
    table = [line.split("\t") for line in run("predict", generator, file, "--format=tsv").out.splitlines()]
    assert [len(row) for row in table] == [2] * 5
    assert run("predict", generator, file, "--batch-size=1").out == "\n".join(lines) + "\n"
    for flags in (["--format=conll"], ["--n-best=2"], ["--html", tmp_path / "x"]):
        ran = run("predict", generator, file, *flags)
        assert ran.code == 2 and str(flags[0]).split("=")[0] in ran.err and ran.out == ""
    searched = [model(each, beam=2).to_text() for each in ("the lamp", "", "so", "☃\x00", "the lamp")]
    assert run("predict", generator, file, "--beam=2").out.removesuffix("\n").split("\n") == searched


def test_evaluation_gives_a_table_and_json(run, generator, tmp_path):
    file = tmp_path / "test.txt"
    file.write_text(LINES * 30, encoding="utf-8")
    report = json.loads(run("evaluate", generator, file, "--format", "json").out)
    assert (report["n"], report["n_tokens"], report["n_characters"]) == (1, len(LINES) * 30 - 1, len(LINES) * 30)
    assert {"nats_per_token", "perplexity", "bits_per_character", "bits_per_byte", "windowed_nats_per_token"} < set(
        report
    )
    lines = run("evaluate", generator, file).out.split("\n")
    assert lines[0] == "1 text"
    assert any(re.fullmatch(r"perplexity \d+\.\d{4}", line) for line in lines)
    assert any(re.fullmatch(r"nats per token \d+\.\d{4} \(95 % interval .*\)", line) for line in lines)
    assert f"windowed nats per token {report['windowed_nats_per_token']:.4f}" in lines


def test_a_model_may_go_on_learning_from_what_it_is_scored_on_and_the_score_says_so(run, generator, trained, tmp_path):
    file = tmp_path / "new.txt"
    file.write_bytes(b"abcabd" * 300)
    plain = json.loads(run("evaluate", generator, file, "--format", "json").out)
    found = json.loads(run("evaluate", generator, file, "--dynamic", "0.001", "--format", "json").out)
    assert plain.pop("dynamic_nats_per_token") is None
    assert found.pop("dynamic_nats_per_token") < plain["nats_per_token"]
    assert found == plain
    assert re.search(r"^dynamic nats per token \d\.\d{4}$", run("evaluate", generator, file, "--dynamic=.01").out, re.M)
    refused = run("evaluate", trained, file, "--dynamic", "0.001")
    assert (refused.code, refused.err) == (2, "error: --dynamic: a model of this kind has no such option\n")
    for rate in ("0", "nan", "-1"):
        assert run("evaluate", generator, file, "--dynamic", rate).code == 2


def test_a_required_score_that_is_a_cost_is_met_from_below(run, generator, tmp_path):
    file = tmp_path / "test.txt"
    file.write_text(LINES, encoding="utf-8")
    perplexity = json.loads(run("evaluate", generator, file, "--format", "json").out)["perplexity"]
    assert run("evaluate", generator, file, "--require", f"perplexity={perplexity + 0.01}").code == 0
    ran = run("evaluate", generator, file, "--require", "perplexity=1.01", "--require", "unknown=0.5")
    assert (ran.code, ran.err) == (5, f"error: perplexity is {perplexity:.4f}, 1.01 was required\n")
    ran = run("evaluate", generator, file, "--require", "windowed_nats_per_token=9")
    reason = "no text is longer than 256 tokens"
    assert (ran.code, ran.err) == (5, f"error: windowed_nats_per_token is undefined ({reason}), 9 was required\n")
    assert reason in ran.out
    assert run("evaluate", generator, file, "--require", "perplexty=9").code == 2


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"s", "holds one token"), (b"", "holds no token"), (b"a\n\xff", "line 2 of .*not UTF-8")],
)
def test_what_cannot_be_scored_is_said_in_one_line(run, generator, tmp_path, content, complaint):
    file = tmp_path / "test.txt"
    file.write_bytes(content)
    ran = run("evaluate", generator, file)
    assert ran.code == 3 and ran.out == "" and re.fullmatch(rf"error: .*{complaint}.*\n", ran.err)
    assert run("evaluate", generator, tmp_path / "none.txt").code == 3


def test_data_check_lists_what_is_wrong_with_a_text(run, tmp_path):
    bad, other = tmp_path / "bad.txt", tmp_path / "other.txt"
    long = "so it goes " * 9
    bad.write_bytes(f"fine\n\n \nbell \x07\n{long}\n".encode() + b"\xff\n")
    other.write_text(f"new\n{long}\n")
    ran = run("data", "check", bad, other, "--task", "generate")
    assert ran.code == 3 and "errors: 1, warnings: 2" in ran.err
    assert f"error: line 6 of {bad}: byte 0xff is not UTF-8" in ran.out
    assert f"warning: line 4 of {bad}: control characters U+0007; is it plain text?" in ran.out
    assert re.search(rf"warning: line 2 of {other}: .* is also line 5 of {bad}", ran.out)
    assert f"3 lines besides blank ones in {bad}\nwords in such a line: 1 at least, " in ran.err


def test_info_describes_the_generator(run, generator):
    found = json.loads(run("info", generator, "--format", "json").out)
    assert (found["task"], found["labels"], found["head"]["softmax"]) == ("generate", [], "full")
    assert found["vocabulary"] == len(set(LINES)) + 2
    assert run("info", generator).code == 0


def test_shakespeare_and_stories_are_recipes(run):
    assert {"generate", "stories", "shakespeare"} <= {line.split()[0] for line in run("recipes").out.splitlines()}
    settings = json.loads(run("train", "stories", "--dry-run").out)
    assert settings["encoder"]["bidirectional"] is False and settings["data"]["dev_fraction"] == 0.1
