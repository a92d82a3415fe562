"""Text from UTF-8 bytes that come piece by piece, and text that can become such."""

from __future__ import annotations

from codecs import getincrementaldecoder

from nlp_lstm.errors import UsageError
from nlp_lstm.expected import found


def complete_part(data: bytes) -> tuple[str, bytes]:
    r"""Return the characters that are whole in `data`, and the at most three bytes at its end that may begin one.

    What is not UTF-8 becomes U+FFFD. When the rest is put before what comes next, all pieces together give what
    `bytes.decode("utf-8", errors="replace")` gives for all bytes together; a rest that nothing follows is U+FFFD.

    >>> complete_part(b"caf\xc3")
    ('caf', b'\xc3')
    >>> complete_part(b"\xc3\xa9 \xf0\x9f")
    ('é ', b'\xf0\x9f')
    """
    decoder = getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    return text, decoder.getstate()[0]


def whole_characters(data: bytes) -> list[tuple[int, int]]:
    r"""Return for each byte which of the whole characters in `data` it is of: the first, and the end, exclusive.

    The characters are those of `data.decode(errors="ignore")`. A byte of none has an empty range where it stands.

    >>> whole_characters(b"a\xff\xc3\xa9")
    [(0, 1), (1, 1), (1, 2), (1, 2)]
    """
    decoder = getincrementaldecoder("utf-8")("ignore")
    spans: list[tuple[int, int]] = []
    place = 0
    for number in range(len(data)):
        spans.append((place, place))
        character = decoder.decode(data[number : number + 1])
        if character:  # its bytes are the last ones read
            size = len(character.encode())
            spans[-size:] = [(place, place + 1)] * size
            place += 1
    return spans


def check_utf8(text: str, name: str) -> None:
    """See that what was typed can be written to a file; bytes that are no UTF-8 have become lone surrogates.

    Raises:
        UsageError: it cannot; the message calls it `name`.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name}: expected text in UTF-8, found {found(text)}") from error
