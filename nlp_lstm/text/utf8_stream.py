"""Text from UTF-8 bytes that come piece by piece."""

from __future__ import annotations

from codecs import getincrementaldecoder


class Utf8Stream:
    r"""Turns pieces of bytes into pieces of text, none of which ends inside a character.

    All pieces together give what `bytes.decode("utf-8", errors="replace")` gives for all bytes together, U+FFFD for
    what is not UTF-8 among it. A piece is shown at once but for the at most three bytes that may begin a character.

    >>> stream = Utf8Stream()
    >>> [stream.feed(piece) for piece in (b"caf\xc3", b"\xa9 \xf0\x9f", b"\x98\x80", b"\xe2")]
    ['caf', 'é ', '😀', '']
    >>> stream.flush()
    '�'
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def feed(self, piece: bytes) -> str:
        """Return the characters that are whole now that `piece` has come."""
        return self._decoder.decode(piece)

    def flush(self) -> str:
        """Return U+FFFD for a character that was begun, or "": no more bytes come; the stream starts anew."""
        return self._decoder.decode(b"", final=True)
