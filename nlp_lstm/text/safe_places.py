"""Where a text can be parted so that its parts are cut into the same tokens as the whole."""

from __future__ import annotations

import re

from nlp_lstm.text.normalise import prepare
from nlp_lstm.text.spacy_words import SpacyWords
from nlp_lstm.text.tokenizers import Tokenizer

_EDGE = re.compile(r"[ \t\n\r](?=\S)")
_OPENING = re.compile(r"<(?=[A-Za-z/]|\Z)")


def last_safe_place(text: str, tokenizer: Tokenizer) -> int:
    r"""Return the last place at which a text that goes on can be parted; 0 where there is none.

    Characters and bytes can be parted anywhere, unless they are read in lower case, which a neighbour may change. Else
    it is in front of a blank that a word follows, and before whatever may become a tag of markup. A language in which
    spaCy's rules reach across blanks has no such place.

    >>> from nlp_lstm.text.regex_words import RegexWords
    >>> last_safe_place("so it is. An", RegexWords())
    9
    """
    if isinstance(tokenizer, SpacyWords) and not tokenizer.cuts_run_by_run:
        return 0
    strips = tokenizer.to_dict().get("strip_markup") is True
    end = len(text)
    if strips:
        end = next((each.start() for each in _OPENING.finditer(text, text.rfind(">") + 1)), end)
    if tokenizer.kind in ("characters", "bytes") and not tokenizer.lowercase:
        return end
    edges = [edge.start() for edge in _EDGE.finditer(prepare(text, strip_markup=strips), 0, end)]
    return next((place for place in reversed(edges) if not (strips and _in_tag(text, place))), 0)


def _in_tag(text: str, place: int) -> bool:
    """Tell whether a place may lie within a tag."""
    return _OPENING.search(text, text.rfind(">", 0, place) + 1, place) is not None
