"""What every test runs under: one thread, no network, a cache of its own; and the way to the real data."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Read when torch and datasets are imported, so set before any test module is. One thread a worker keeps
# parallel tests fast and sums in one order; said in this way, it spares tests without torch its import.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["MKL_CBWR"] = "AUTO"  # as the command line sets it
os.environ["HF_HUB_OFFLINE"] = "1"


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it for what it starts with &
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep whatever the package caches inside pytest's temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLP_LSTM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return a function from a data set's name to its folder; it skips the test where that is not at hand.

    The data sets lie in the folder that NLP_LSTM_DATA names, else in `shared/data` beside the checkout.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("NLP_LSTM_DATA") or beside)

    def folder(name: str) -> Path:
        path = root / name
        if not path.is_dir():
            pytest.skip(f"the data set {name} is not on this machine")
        return path

    return folder
