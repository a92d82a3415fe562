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
