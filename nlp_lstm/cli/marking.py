"""The view of a tagger: entities marked in their text."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text

from nlp_lstm.corpora.reading import Record
from nlp_lstm.records.predictions import Tagging

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
"""What kinds of entities are shown in, in the order they are met; then from the beginning again."""


class MarkedText:
    """Shows each text with its entities in colour, each followed by its kind and how sure the model is."""

    options: ClassVar[Mapping[str, Any]] = {}
    style: ClassVar[str] = ""

    def __init__(self) -> None:
        self._colours: dict[str, str] = {}

    def show(self, record: Record, tagging: Tagging) -> Text:
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

    def page(self, record: Record, tagging: Tagging) -> str:
        """Return the text as spaCy's displaCy marks it."""
        from spacy import displacy  # heavy: only when a page is asked for

        marks = [
            {"start": each.start, "end": each.end, "label": html.escape(each.entity_group)} for each in tagging.entities
        ]
        content = {"text": tagging.text, "ents": marks, "title": None}
        return displacy.render(content, style="ent", manual=True, page=False, jupyter=False)

    def line_of(self, tagging: Tagging) -> Tagging:
        """Return it as it is: nothing is asked for to show it."""
        return tagging

    def _colour(self, kind: str) -> str:
        return self._colours.setdefault(kind, COLOURS[len(self._colours) % len(COLOURS)])
