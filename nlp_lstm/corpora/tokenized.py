"""Texts to token tables: cut once, then read from a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nlp_lstm.corpora.parallel import tokenize_in_parallel, useful_workers
from nlp_lstm.corpora.token_cache import cache_file, default_cache, load_table, save_table
from nlp_lstm.corpora.token_table import IdTable, TokenTable
from nlp_lstm.text.tokenizers import Tokenizer

__all__ = ["IdTable", "TokenTable", "default_cache", "tokenize_texts"]

# Below these, starting processes takes longer than it saves.
_MANY_TEXTS = 5_000
_MANY_CHARACTERS = 2_000_000


def tokenize_texts(
    texts: Sequence[str], tokenizer: Tokenizer, *, cache: Path | None, workers: int | None = None
) -> TokenTable:
    """Return the tokens of `texts`, from the cache when they were cut before.

    Args:
        texts: what to cut.
        tokenizer: what cuts.
        cache: the folder of the cache, `default_cache()` for example; None keeps nothing. An entry that is
            damaged is made again, one that cannot be written is left out.
        workers: how many processes cut a large corpus; None takes as many as help. The result is the same.

    Raises:
        UsageError: the tokenizer's language does not exist or needs a package that is not installed.
    """
    path = cache_file(cache, texts, tokenizer) if cache is not None else None
    table = load_table(path) if path is not None else None
    if table is None:
        table = _cut(texts, tokenizer, workers)
        if path is not None:
            save_table(path, table)
    return table


def _cut(texts: Sequence[str], tokenizer: Tokenizer, workers: int | None) -> TokenTable:
    if len(texts) >= _MANY_TEXTS and sum(map(len, texts)) >= _MANY_CHARACTERS:
        count = useful_workers(tokenizer) if workers is None else workers
        if count > 1:
            return tokenize_in_parallel(texts, tokenizer, workers=count)
    return TokenTable.from_keys(tokenizer.keys(texts))
