"""Subwords by byte-level BPE, learned from text: nothing is unknown, and the pieces give the text back.

Byte-pair encoding: Sennrich et al. 2016, section 3.2; on bytes: Radford et al. 2019, section 2.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.text.normalise import lower_in_place, prepare
from nlp_lstm.text.tokens import Tokens

# The library is imported inside the functions that need it: importing this module stays light.
if TYPE_CHECKING:
    import tokenizers

N_BYTES = 256
_BATCH_SIZE = 1000


@dataclass(frozen=True)
class Subwords:
    """Cut a text into pieces of bytes; made by `train_subwords`.

    A key is a piece in the byte alphabet, in which each byte is a printable character and a blank is `Ġ`. A
    character that is cut belongs to the text of each piece that holds some of its bytes.

    Args:
        state: the trained model, the JSON of the `tokenizers` library.
        lowercase: cut the text in lower case; then `decode` gives lower case back.
        strip_markup: read HTML tags as blanks.
    """

    state: str = field(repr=False)
    lowercase: bool = False
    strip_markup: bool = False
    kind: ClassVar[str] = "subwords"

    def __call__(self, text: str) -> Tokens:
        """Return the pieces of `text` with their offsets."""
        encoding = _model(self.state).encode(self._ready(text))
        return Tokens.cut(text, encoding.offsets, encoding.tokens)

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the pieces of each text, without offsets."""
        ready = map(self._ready, texts)
        while batch := list(islice(ready, _BATCH_SIZE)):
            for encoding in _model(self.state).encode_batch(batch):
                yield encoding.tokens

    def decode(self, keys: Sequence[str]) -> str:
        """Return the text that `keys` spell; bytes that are not whole characters become U+FFFD."""
        from tokenizers.decoders import ByteLevel

        return ByteLevel().decode(list(keys))

    def to_bytes(self, keys: Sequence[str]) -> bytes:
        """Return the bytes that `keys` spell."""
        return b"".join(map(bytes_of_piece, keys))

    @property
    def pieces(self) -> tuple[str, ...]:
        """All pieces there are, the single bytes first: a vocabulary that holds them knows every text."""
        table = _model(self.state).get_vocab()
        return tuple(sorted(table, key=table.__getitem__))

    @property
    def halves(self) -> dict[str, tuple[str, str]]:
        """The two pieces that each piece was merged from; a single byte has none."""
        merges = json.loads(_model(self.state).to_str())["model"]["merges"]
        return {left + right: (left, right) for left, right in reversed(merges)}  # of several merges the first

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}

    def check(self) -> None:
        """Make sure that the state can be read.

        Raises:
            ModelError: it is not what `train_subwords` made.
        """
        _model(self.state)

    def _ready(self, text: str) -> str:
        return _prepare(text, lowercase=self.lowercase, strip_markup=self.strip_markup)


def train_subwords(
    texts: Iterable[str], *, vocab_size: int, lowercase: bool = False, strip_markup: bool = False
) -> Subwords:
    """Learn at most `vocab_size` pieces from `texts`; the same texts give the same pieces.

    Args:
        texts: what to learn from; it is read once.
        vocab_size: how many pieces at most, the 256 bytes among them; pieces met once are not learned.
        lowercase: learn and cut in lower case.
        strip_markup: read HTML tags as blanks.

    Raises:
        UsageError: `vocab_size` is below 256.

    >>> hush = train_subwords(["so long, so long"] * 2, vocab_size=300)
    >>> hush("so long").keys
    ('so', 'Ġlong')
    >>> hush.decode(hush("long 😀  so").keys)
    'long 😀  so'
    """
    if vocab_size < N_BYTES:
        raise UsageError(f"vocab_size {vocab_size} is too small for subwords: expected {N_BYTES} or more")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[],  # a text that holds `<pad>` is cut like any other
        show_progress=False,
    )
    ready = (_prepare(text, lowercase=lowercase, strip_markup=strip_markup) for text in texts)
    model.train_from_iterator(ready, trainer)
    return Subwords(model.to_str(), lowercase=lowercase, strip_markup=strip_markup)


def _prepare(text: str, *, lowercase: bool, strip_markup: bool) -> str:
    ready = prepare(text, strip_markup=strip_markup)
    return lower_in_place(ready) if lowercase else ready


@lru_cache(maxsize=8)
def _model(state: str) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(state)
    except Exception as error:  # the library raises nothing more special
        raise ModelError(f"subword tokenizer: the state cannot be read: {error}") from error


def bytes_of_piece(piece: str) -> bytes:
    r"""Return the bytes that a piece stands for.

    >>> bytes_of_piece("Ġlong"), bytes_of_piece("Ã")
    (b' long', b'\xc3')
    """
    return bytes(map(_byte_table().__getitem__, piece))


@lru_cache(maxsize=1)
def _byte_table() -> dict[str, int]:
    """Return the byte of each character of the byte alphabet.

    Printable bytes are their own character; the others, in order, those from U+0100 on (Radford et al. 2019, code).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(N_BYTES) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
