"""Entities marked in their text: in colour on a terminal, as a page of HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.text import Text

from nlp_lstm.cli.files import open_output
from nlp_lstm.document import Tagging

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
"""What kinds of entities are shown in, in the order they are met; then from the beginning again."""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font: 16px/1.6 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em">"""


class ColouredText:
    """Shows each text with its entities in colour, each followed by its kind and how sure the model is."""

    def __init__(self) -> None:
        self._colours: dict[str, str] = {}

    def show(self, tagging: Tagging) -> Text:
        """Return the text in colour; where tags mark no entities, each word with its tag."""
        if not tagging.marks_entities:
            pairs = zip(tagging.words, tagging.tags, strict=True)
            return Text(" ").join(Text.assemble(word, (f"/{tag}", self._colour(tag))) for word, tag in pairs)
        shown, place = Text(), 0
        for entity in tagging.entities:
            colour = self._colour(entity.entity_group)
            shown.append(tagging.text[place : entity.start])
            shown.append(entity.word, f"bold {colour}")
            shown.append(f" {entity.entity_group} {entity.score:.2f}", f"dim {colour}")
            place = entity.end
        return shown.append(tagging.text[place:])

    def _colour(self, kind: str) -> str:
        return self._colours.setdefault(kind, COLOURS[len(self._colours) % len(COLOURS)])


@contextmanager
def open_page(path: Path | None, *, title: str) -> Iterator[Callable[[Tagging], object]]:
    """Yield a function that adds a text with its entities to a page of HTML; without a path it does nothing.

    The page refers to nothing outside itself. Each text is marked by spaCy's displaCy.

    Raises:
        UsageError: the path is a folder, or stands in none.
    """
    if path is None:
        yield lambda tagging: None
        return
    from spacy import displacy  # heavy: only when a page is asked for

    def add(tagging: Tagging) -> None:
        marks = [
            {"start": each.start, "end": each.end, "label": html.escape(each.entity_group)} for each in tagging.entities
        ]
        content = {"text": tagging.text, "ents": marks, "title": None}
        write(displacy.render(content, style="ent", manual=True, page=False, jupyter=False))

    with open_output(path, flag="--html") as write:
        write(_PAGE.format(title=html.escape(title)))
        yield add
        write("</body></html>")
