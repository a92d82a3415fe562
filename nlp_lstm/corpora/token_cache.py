"""Token tables on disk: one file each, named by all that decides what is in it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.files import write_whole
from nlp_lstm.text.tokenizers import Tokenizer

logger = logging.getLogger(__name__)

# To be raised whenever a tokenizer of ours cuts differently, or the file is laid out differently.
FORMAT = 1
# Libraries that cut; another release may cut differently.
_CUTTERS = ("spacy", "tokenizers")


def default_cache() -> Path:
    """Return the folder that `NLP_LSTM_CACHE` names, else `nlp-lstm` in the user's cache folder."""
    named = os.environ.get("NLP_LSTM_CACHE")
    if named:
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "nlp-lstm"


def cache_file(cache: Path, texts: Sequence[str], tokenizer: Tokenizer) -> Path:
    """Return where the table of these texts, cut by this tokenizer, belongs in the folder `cache`."""
    releases = {name: _release(name) for name in _CUTTERS}
    settings = [FORMAT, sys.version_info[:2], releases, tokenizer.to_dict()]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return cache / "tokens" / f"{digest.hexdigest()}.npz"


def load_table(path: Path) -> TokenTable | None:
    """Return the table at `path`, or None when there is none or it is damaged."""
    try:
        # Uncompressed: arrays as they lie in memory, with a checksum for each that reading compares.
        with np.load(path, allow_pickle=False) as arrays:
            tokens = json.loads(arrays["tokens"].tobytes())
            return TokenTable(tuple(tokens), arrays["indices"], arrays["offsets"])
    except FileNotFoundError:
        return None
    except Exception as error:  # damage shows itself as many kinds of error
        logger.warning("%s is damaged (%s): it is made again", path, error)
        return None


def save_table(path: Path, table: TokenTable) -> None:
    """Write the table to `path`, whole or not at all; where that is not possible, log it and go on."""
    # JSON as bytes: an array of strings would take the longest one's room for each.
    tokens = np.frombuffer(json.dumps(table.tokens).encode(), dtype=np.uint8)

    def write(place: Path) -> None:
        with place.open("wb") as file:
            np.savez(file, tokens=tokens, indices=table.indices, offsets=table.offsets)

    try:
        write_whole(path, write)
    except OSError as error:
        logger.warning("%s cannot be written (%s): the tokens are not kept for the next time", path, error)


def _release(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
