"""Tokens to numbers and back. This is the only module that imports torchtext."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nlp_lstm.errors import ModelError, UsageError

PAD = "<pad>"
UNKNOWN = "<unk>"
SPECIALS = (PAD, UNKNOWN)


class Vocabulary:
    """A fixed table of tokens; the number of a token is its place in it.

    The specials come first. They are not text: a token that happens to read `<pad>` is unknown, like every
    token without a row, and never becomes padding. Looking a token up never adds a row.

    Args:
        tokens: all tokens in order, the specials first.
        specials: the first of them, those that no text can mean; `<pad>` and `<unk>` at least.

    Raises:
        ModelError: the tokens do not begin with the specials, or one comes twice or is not a string.

    >>> vocabulary = Vocabulary.build({"film": 3, "fine": 5, "a": 3})
    >>> vocabulary.tokens
    ('<pad>', '<unk>', 'fine', 'a', 'film')
    >>> vocabulary.ids(["a", "dull", "film"])
    [3, 1, 4]
    """

    __slots__ = ("_index", "pad_id", "specials", "tokens", "unknown_id")

    def __init__(self, tokens: Sequence[str], *, specials: Sequence[str] = SPECIALS) -> None:
        self.tokens = tuple(tokens)
        self.specials = tuple(specials)
        _check(self.tokens, self.specials)
        first = len(self.specials)
        self._index = {token: first + place for place, token in enumerate(self.tokens[first:])}
        self.pad_id = self.specials.index(PAD)
        self.unknown_id = self.specials.index(UNKNOWN)

    @classmethod
    def build(
        cls,
        counts: Mapping[str, int],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = SPECIALS,
    ) -> Vocabulary:
        """Return the vocabulary of counted tokens: the commonest first, equals in alphabetical order.

        Args:
            counts: how often each token was met.
            min_count: leave out what was met less often.
            max_size: keep at most so many tokens, the specials not counted; None keeps all.
            specials: what stands before them; `<pad>` and `<unk>` at least.

        Raises:
            UsageError: a threshold is out of range, or the specials lack one or hold one twice.

        >>> Vocabulary.build({"b": 2, "a": 2, "c": 1}, min_count=2, max_size=1).tokens
        ('<pad>', '<unk>', 'a')
        """
        if min_count < 1 or (max_size is not None and max_size < 0):
            raise UsageError(f"min_count {min_count} or max_size {max_size} is too small")
        problem = _wrong_specials(tuple(specials))
        if problem:
            raise UsageError(f"vocabulary: {problem}")
        # Imported here: it takes seconds and brings torch with it, and a saved vocabulary needs neither.
        from torchtext.vocab import Vocab

        # Only its order is taken: its table grows when asked for what it lacks, and knows no text `<pad>`.
        table = Vocab(Counter(counts), min_freq=min_count, max_size=max_size, specials=list(specials))
        return cls(table.itos, specials=specials)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Vocabulary:
        """Return the vocabulary that `to_dict` described.

        Raises:
            ModelError: it lacks a part, its tokens do not begin with the specials, or one comes twice or is not a
                string.

        >>> Vocabulary.from_dict({"specials": ["<pad>", "<unk>"], "tokens": ["<pad>", "<unk>", "fine"]})["fine"]
        2
        """
        tokens, specials = record.get("tokens"), record.get("specials")
        if not isinstance(tokens, list) or not isinstance(specials, list):
            raise ModelError("vocabulary: expected lists of 'tokens' and 'specials'")
        return cls(tokens, specials=specials)

    def to_dict(self) -> dict[str, list[str]]:
        """Return the specials and all tokens in order, ready for JSON."""
        return {"specials": list(self.specials), "tokens": list(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        """Tell whether a token of a text has a row of its own; a special has none."""
        return token in self._index

    def __getitem__(self, token: str) -> int:
        """Return the number of a token of a text, `unknown_id` when it has no row."""
        return self._index.get(token, self.unknown_id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.tokens == other.tokens and self.specials == other.specials

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def special_id(self, special: str) -> int:
        """Return the number of a special, which `[]` never gives.

        Raises:
            ValueError: it is not one of the specials.
        """
        return self.specials.index(special)

    def token(self, number: int) -> str:
        """Return the token of a number.

        Raises:
            IndexError: there is no such row.

        >>> Vocabulary(["<pad>", "<unk>", "fine"]).token(2)
        'fine'
        """
        if not 0 <= number < len(self.tokens):
            raise IndexError(f"no token has the number {number}: there are {len(self.tokens)}")
        return self.tokens[number]

    def ids(self, keys: Sequence[str]) -> list[int]:
        """Return the numbers of a text's keys.

        An empty text becomes one unknown token, so that every text has at least one.

        >>> Vocabulary(["<pad>", "<unk>"]).ids([])
        [1]
        """
        look_up, unknown = self._index.get, self.unknown_id
        return [look_up(key, unknown) for key in keys] or [unknown]


def _check(tokens: tuple[str, ...], specials: tuple[str, ...]) -> None:
    problem = _wrong_specials(specials)
    if problem:
        raise ModelError(f"vocabulary: {problem}")
    if tokens[: len(specials)] != specials:
        found, expected = ", ".join(map(repr, tokens[: len(specials)])), ", ".join(map(repr, specials))
        raise ModelError(f"vocabulary: begins with {found or 'nothing'}, expected {expected}")
    places: dict[str, int] = {}
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            raise ModelError(f"vocabulary: token {place} is {token!r}, expected text")
        if token in places:
            raise ModelError(f"vocabulary: {token!r} stands at {places[token]} and again at {place}")
        places[token] = place


def _wrong_specials(specials: tuple[str, ...]) -> str | None:
    if not all(isinstance(special, str) for special in specials):
        return "a special token is no text"
    missing = [special for special in SPECIALS if special not in specials]
    if missing:
        return f"the special tokens lack {', '.join(missing)}"
    if len(set(specials)) < len(specials):
        return "a special token comes twice"
    return None
