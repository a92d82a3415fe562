"""Text as it can be shown: no sign in it moves a cursor, changes a colour or ends a line unasked."""

from __future__ import annotations

import json

_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},  # Unicode's pictures of controls
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}


def visible(text: str) -> str:
    r"""Return a text with a picture in place of each control character but line ends and tabs.

    A terminal's escape sequences begin with such a character; without it they are plain letters.

    >>> visible("\x1b[2Jso\n")
    '␛[2Jso\n'
    """
    return text if text.isprintable() else text.translate(_PICTURES)


def quoted(text: str) -> str:
    r"""Return a text in double quotes on one line, with JSON's escapes.

    >>> quoted("so\n\x9b")
    '"so\\n�"'
    """
    return visible(json.dumps(text, ensure_ascii=False))


def tail(text: str, *, width: int = 60) -> str:
    r"""Return the end of a text on one line, quoted, with a sign in front where something is left out.

    >>> tail("to be or\nnot to be", width=12)
    '…"or\\nnot to be"'
    """
    return ("…" if len(text) > width else "") + quoted(text[-width:])
