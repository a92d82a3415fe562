"""Text from UTF-8 bytes that come piece by piece."""

from __future__ import annotations

from codecs import getincrementaldecoder


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
        found = decoder.decode(data[number : number + 1])
        if found:  # its bytes are the last ones read
            size = len(found.encode())
            spans[-size:] = [(place, place + 1)] * size
            place += 1
    return spans
