"""Writers with random weights, one for each way to cut a text."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nlp_lstm.config import WritingOptions
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.tasks.moments import Moment
from nlp_lstm.tasks.writing import Writer
from nlp_lstm.text.blank_words import BlankWords
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.subwords import train_subwords
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.vocabulary import Vocabulary

LETTERS = "so it goe,.é😀\n"
TOKENIZERS: dict[str, Tokenizer] = {
    "characters": Characters(),
    "bytes": ByteSymbols(),
    "subwords": train_subwords(["so it goes, so it goes\n", "é 😀 é 😀"] * 3, vocab_size=280),
    "words": BlankWords(),
}
WORDS = ["so", "it", "goes", "on", ".", "é", "\n"]


def make_writer(kind: str = "characters", *, seed: int = 3, tokens: Sequence[str] | None = None, **sizes) -> Writer:
    """Return a writer whose network is drawn by `seed`."""
    tokenizer = TOKENIZERS[kind]
    known = tokens or {"characters": sorted(set(LETTERS)), "words": WORDS}.get(kind, tokenizer.pieces)
    vocabulary = Vocabulary.build(dict.fromkeys(known, 1))
    torch.manual_seed(seed)
    cutoffs, tied = sizes.pop("cutoffs", ()), sizes.pop("tied", False)
    model = LanguageModel(
        Encoder(len(vocabulary), **{"embed_size": 6, "hidden_size": 10, **sizes}), tied=tied, cutoffs=cutoffs
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.8)
    return Writer(model, tokenizer, vocabulary)


def written(writer: Writer, moment: Moment, options: WritingOptions, seed: int = 1) -> tuple[str, Moment]:
    """Return a text, and the moment after it."""
    steps = list(writer.write(moment, options, seed=seed))
    return "".join(step.piece for step in steps), steps[-1].moment
