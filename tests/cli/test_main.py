from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_lstm.cli.main import COMMANDS
from nlp_lstm.corpora.reading import FORMATS

PROGRAM = Path(sys.executable).with_name("nlp-lstm")


def test_help_lists_every_command_without_loading_anything_heavy():
    code = (
        "import sys; from nlp_lstm.cli.main import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name}" in ran.stdout for name in COMMANDS)
    for heavy in ("torch", "spacy", "datasets", "pydantic", "numpy", "rich"):
        assert f"'{heavy}'" not in ran.stderr


@pytest.mark.parametrize("name", [*COMMANDS])
def test_each_commands_help_needs_no_torch(name):
    code = f"import sys; from nlp_lstm.cli.main import main; main(['{name}', '--help']); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("Usage: nlp-lstm") and ran.stdout.endswith("False\n")


def test_help_answers_within_three_tenths_of_a_second_of_processor_time():
    # processor time, because the clock on the wall also counts what else the machine is doing
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "nlp_lstm", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3


def test_the_help_names_every_data_format(run):
    assert all(name in run("data", "check", "--help").out for name in FORMATS)


def test_a_mistyped_command_offers_the_nearest(run):
    ran = run("predct")
    assert ran.code == 2 and "no command 'predct'; did you mean 'predict'?" in ran.err


def test_recipes_are_listed_with_task_and_words(run):
    ran = run("recipes")
    names = [line.split()[0] for line in ran.out.strip().split("\n")]
    assert ran.code == 0 and names == sorted(names) and {"classify", "sentiment"} <= set(names)


def test_info_describes_a_model(run, trained):
    found = json.loads(run("info", trained, "--format", "json").out)
    assert found["task"] == "classify" and found["labels"] == ["bad", "good"]
    assert found["bytes"] == (trained / "model.safetensors").stat().st_size
    assert found["encoder"]["hidden_size"] == 8 and found["vocabulary"] > 30
    assert "bad, good" in run("info", trained).out


def test_data_check_lists_every_problem_and_ends_with_3_for_errors(run, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text,label\ngood one,1\ngood one,0\nshort\n,1\n")
    ran = run("data", "check", file)
    assert ran.code == 3
    for line, words in ((3, "label"), (4, "column"), (5, "empty")):
        assert any(f"line {line} of {file}" in found and words in found for found in ran.out.split("\n"))
    assert f"error: {file} cannot be trained on as it is (errors: 1, warnings: 3)" in ran.err


def test_data_check_of_good_files_says_nothing_on_stdout(run, trained):
    folder = trained.parent
    ran = run("data", "check", folder / "train.csv", folder / "dev.csv")
    assert ran.code == 0 and "120 texts" in ran.err


def test_a_reader_that_leaves_early_is_no_error(trained, tmp_path):
    (tmp_path / "many.txt").write_text("kind\n" * 20_000)
    command = f"'{PROGRAM}' predict '{trained}' '{tmp_path}/many.txt' | head -n 1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert ran.stdout == "good\n0\n" and ran.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_told_without_a_number():
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([PROGRAM, "recipes"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "error: No space left on device\n")


def test_what_the_library_logs_is_a_line_on_standard_error(run, monkeypatch):
    def listing():
        logging.getLogger("nlp_lstm.nn.machine_code").info("this takes %d seconds", 9)
        return []

    monkeypatch.setattr("nlp_lstm.stages.recipes.list_recipes", listing)
    assert run("recipes") == run("recipes") == (0, "", "this takes 9 seconds\n")
