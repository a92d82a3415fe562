"""Tokenizing in several processes by `Dataset.map`, leaving this process as it was."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import Any

import numpy as np

from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.text.normalise import prepare
from nlp_lstm.text.tokenizers import Tokenizer

# The kinds that cut so slowly that handing texts to other processes and tokens back pays: the regular
# expression is no slower than that, and subwords are cut by threads of their own.
_SLOW_KINDS = {"spacy"}
_MAX_WORKERS = 8
_THREADS_SWITCH = "TOKENIZERS_PARALLELISM"


def useful_workers(tokenizer: Tokenizer) -> int:
    """Return how many processes shorten the work of `tokenizer` on this machine."""
    # Only where a process is started as a copy of this one. Elsewhere it runs the user's script again, which
    # starts processes again unless the script is written for that.
    if tokenizer.kind not in _SLOW_KINDS or _start_method() != "fork":
        return 1
    return min(len(os.sched_getaffinity(0)), _MAX_WORKERS)


def tokenize_in_parallel(texts: Sequence[str], tokenizer: Tokenizer, *, workers: int) -> TokenTable:
    """Return the table of `texts`, cut by `workers` processes."""
    tokenizer("")  # loads the rules once, for the copies to share, and fails here if there are none
    with _datasets() as datasets, _ending_together():
        valid = [prepare(text, strip_markup=False) for text in texts]  # Arrow takes no lone surrogates
        mapped = datasets.Dataset.from_dict({"text": valid}).map(
            _cut,
            batched=True,
            fn_kwargs={"tokenizer": tokenizer},
            remove_columns=["text"],
            features=datasets.Features({"keys": datasets.LargeList(datasets.Value("large_string"))}),
            num_proc=workers,
            keep_in_memory=True,
            load_from_cache_file=False,
            new_fingerprint="tokens",  # spares hashing all the texts
        )
    return _table(mapped.data.column("keys"))


def _cut(batch: dict[str, list[str]], tokenizer: Tokenizer) -> dict[str, list[list[str]]]:
    return {"keys": list(tokenizer.keys(batch["text"]))}


def _table(column: Any) -> TokenTable:
    """Return the table of an Arrow column of lists of keys."""
    lists = column.combine_chunks()
    keys = lists.flatten().dictionary_encode()
    offsets = lists.offsets.to_numpy().astype(np.int64)
    return TokenTable.from_distinct(keys.dictionary.to_pylist(), keys.indices.to_numpy(), offsets)


def _start_method() -> str:
    # The copy of `multiprocessing` that `datasets` uses. Asked so that nothing is settled by asking.
    multiprocess = import_module("multiprocess")
    return multiprocess.get_start_method(allow_none=True) or multiprocess.get_all_start_methods()[0]


@contextmanager
def _datasets() -> Iterator[Any]:
    """Lend the library `datasets` without network, progress bars and messages.

    Its `map` puts a copy of `os.environ` in the place of the original and switches the threads of the library
    `tokenizers` off; both are undone.
    """
    environment, threads = os.environ, os.environ.get(_THREADS_SWITCH)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read at import
    import datasets

    verbosity, shows_progress = datasets.logging.get_verbosity(), datasets.is_progress_bar_enabled()
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    os.environ[_THREADS_SWITCH] = "false"
    try:
        yield datasets
    finally:
        os.environ = environment  # noqa: B003 - it is the very object that `map` replaced
        if threads is None:
            os.environ.pop(_THREADS_SWITCH, None)
        else:
            os.environ[_THREADS_SWITCH] = threads
        datasets.logging.set_verbosity(verbosity)
        if shows_progress:
            datasets.enable_progress_bars()


@contextmanager
def _ending_together() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the copies of this process at once, and this one as it would have ended.

    The copies would inherit its handlers: with one that waits for a good moment to stop they would live on
    when told to end, with one that raises each would print where it was. And `map`, interrupted, raises that
    its processes were not done, in place of what interrupted it.
    """
    if threading.current_thread() is not threading.main_thread():  # handlers are the main thread's alone
        yield
        return
    parent = os.getpid()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    raised: list[BaseException] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != parent:
            if number == signal.SIGTERM:  # Ctrl-C reaches all; this process then ends the copies by SIGTERM
                os._exit(128 + number)
            return
        try:
            _pass_on(before[signal.Signals(number)], number, frame)
        except BaseException as stop:
            raised.append(stop)
            raise

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    except BaseException:
        if raised:
            raise raised[0] from None
        raise
    finally:
        for number, previous in before.items():
            # None stands for a handler that was not set by Python, and cannot be set by it.
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


def _pass_on(handler: Any, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    elif handler != signal.SIG_IGN:
        raise SystemExit(128 + number)
