"""Tokenizing in several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from nlp_lstm.corpora import parallel
from nlp_lstm.corpora.parallel import tokenize_in_parallel, useful_workers
from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.errors import UsageError
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.spacy_words import SpacyWords

pytestmark = pytest.mark.skipif(parallel._start_method() != "fork", reason="processes do not fork here")

TEXTS = ["", "So it goes.", "naïve \ud83d 😀\x00", " ", "b a"] * 500


def same(one, other):
    return one.tokens == other.tokens and all(
        np.array_equal(left, right) and left.dtype == right.dtype
        for left, right in ((one.indices, other.indices), (one.offsets, other.offsets))
    )


@pytest.mark.parametrize("workers", [2, 3])
def test_several_processes_give_what_one_gives(workers):
    tokenizer = RegexWords(lowercase=True)
    expected = TokenTable.from_keys(tokenizer.keys(TEXTS))
    assert same(tokenize_in_parallel(TEXTS, tokenizer, workers=workers), expected)


def test_texts_without_a_token_are_cut():
    assert same(tokenize_in_parallel([" "] * 10, RegexWords(), workers=2), TokenTable.from_keys([[]] * 10))


def test_this_process_is_left_as_it_was(capfd, monkeypatch):
    import datasets

    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    datasets.enable_progress_bars()

    def handler(number, frame):
        raise AssertionError

    previous = signal.signal(signal.SIGTERM, handler)
    environment, variables, verbosity = os.environ, dict(os.environ), datasets.logging.get_verbosity()
    try:
        tokenize_in_parallel(TEXTS, RegexWords(), workers=2)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert os.environ is environment
    assert dict(os.environ) == variables
    assert datasets.logging.get_verbosity() == verbosity
    assert datasets.is_progress_bar_enabled()
    assert capfd.readouterr() == ("", "")


def test_an_unknown_language_is_said_by_this_process():
    with pytest.raises(UsageError, match="language 'zz'"):
        tokenize_in_parallel(TEXTS, SpacyWords("zz"), workers=2)


INTERRUPTED = """
import os, signal, sys, threading, time
from nlp_lstm.corpora import parallel
from nlp_lstm.text.regex_words import RegexWords

class Slow(RegexWords):
    def keys(self, texts):
        for text in texts:
            time.sleep(0.01)
            yield [text]

if sys.argv[1] == "patient":  # as a command that ends at the next good moment
    signal.signal(signal.SIGTERM, lambda number, frame: print("later", flush=True))

def end():  # Ctrl-C reaches the whole group, SIGTERM the process that is named
    os.killpg(0, signal.SIGINT) if sys.argv[1] == "SIGINT" else os.kill(os.getpid(), signal.SIGTERM)

import datasets
threading.Timer(1.0, end).start()
try:
    table = parallel.tokenize_in_parallel(["x"] * 500, Slow(), workers=2)
    print(len(table))
except KeyboardInterrupt:
    print("interrupted")
except SystemExit as stop:
    print("exit", stop.code)
"""


@pytest.mark.parametrize(
    ("how", "output"),
    [("SIGINT", "interrupted\n"), ("SIGTERM", "exit 143\n"), ("patient", "later\n500\n")],
)
def test_a_signal_is_heard_by_this_process_and_ends_the_others_without_noise(tmp_path, how, output):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    root = parallel.__file__.rsplit("/", 3)[0]
    done = subprocess.run(
        [sys.executable, str(script), how],
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert (done.stdout, done.stderr) == (output, "")


def test_only_slow_tokenizers_are_given_processes(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)))
    assert useful_workers(SpacyWords()) == 4
    assert useful_workers(RegexWords()) == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)))
    assert useful_workers(SpacyWords()) == parallel._MAX_WORKERS
    monkeypatch.setattr(parallel, "_start_method", lambda: "spawn")
    assert useful_workers(SpacyWords()) == 1
