"""Lines of predictions: no field of the input is lost, and what cannot be written is told."""

from __future__ import annotations

import json

import pytest

from nlp_lstm.cli.writing import JsonWriter
from nlp_lstm.corpora.reading import Record
from nlp_lstm.errors import StageError
from nlp_lstm.records.document import Document
from nlp_lstm.records.predictions import Prediction

FOUND = Prediction("good", 1.0, {"good": 1.0})


def test_each_field_of_the_input_has_a_name_of_its_own():
    fields = {"text": "so", "label": "L", "input_label": "q", "id": 7, "input_input_id": 8}
    found = json.loads(JsonWriter().line(Record("so", fields=fields), FOUND))
    assert found == {
        "id": 0,
        "text": "so",
        "input_input_label": "L",
        "input_label": "q",
        "input_id": 7,
        "input_input_id": 8,
        **FOUND.to_dict(),
    }


def test_a_name_that_was_found_is_not_given_to_a_field():
    found = json.loads(
        JsonWriter().line(
            Record("so", fields={"text": "so", "label": "L"}),
            Document("so", prediction=FOUND, extra={"input_label": "mine"}),
        )
    )
    assert found["input_label"] == "mine" and found["input_input_label"] == "L" and found["label"] == "good"


@pytest.mark.parametrize("value", [{1}, object(), {(1, 2): 3}])
def test_what_json_cannot_hold_is_told_with_its_text(value):
    writer = JsonWriter()
    writer.line(Record("a", {}), Document("a"))
    with pytest.raises(StageError, match=r"^text 2 cannot be written as JSON: "):
        writer.line(Record("b", {}), Document("b", extra={"odd": value}))
