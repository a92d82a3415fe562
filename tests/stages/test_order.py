"""Stages that cannot run in their order are found before they run."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nlp_lstm import Pipeline
from nlp_lstm.errors import UsageError
from nlp_lstm.stages.order import kind_problems, order_problems


@dataclass(frozen=True)
class Step:
    name: str
    requires: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()

    def __call__(self, record):
        return record


CUT = Step("cut", provides=("tokens",))
TAG = Step("tag", uses=("sentences", "tokens"), provides=("tokens", "tags"))
SPLIT = Step("split", provides=("sentences",))


def test_what_is_used_may_be_there_or_not():
    for steps in ([TAG], [CUT, TAG], [SPLIT, TAG], [CUT, SPLIT, TAG]):
        assert order_problems(steps) == []


def test_what_is_used_must_not_come_later():
    assert order_problems([TAG, SPLIT, CUT]) == [
        "tag uses sentences, which split provides only later",
        "tag uses tokens, which cut provides only later",
    ]


def test_what_a_later_stage_would_only_fill_further_does_not_come_later():
    assert order_problems([TAG, TAG]) == ["tag provides tags, which another tag has provided already"]
    assert order_problems([TAG, TAG, CUT])[0] == "tag uses tokens, which cut provides only later"


def test_what_is_there_is_not_provided_again():
    assert order_problems([SPLIT, Step("again", provides=("sentences",))]) == [
        "again provides sentences, which split has provided already"
    ]


def test_what_a_stage_uses_or_requires_it_may_provide_anew():
    assert order_problems([SPLIT, Step("join", requires=("sentences",), provides=("sentences",))]) == []


def test_everything_is_told_at_once_and_each_thing_once():
    steps = [
        Step("first", requires=("a", "b")),
        Step("second", uses=("c",), provides=("a",)),
        Step("c", provides=("c",)),
    ]
    assert order_problems(steps) == [
        "first requires a, which second provides only later",
        "first requires b, which no stage provides",
        "second uses c, which c provides only later",
    ]


def test_what_is_given_counts_as_provided_and_may_be_replaced():
    assert order_problems([Step("need", requires=("x",)), Step("new", provides=("x",))], given=["x"]) == []


def test_what_is_no_stage_is_told_with_its_place():
    assert kind_problems([CUT, str.upper, Step, "cut", lambda record: record, TAG]) == [
        "2: expected a stage, found method_descriptor; Map runs a function",
        "3: Step is a class; make a stage of it, such as Step(name)",
        "4: expected a stage, found str",
        "5: expected a stage, found function; Map runs a function",
    ]
    with pytest.raises(UsageError, match="expected a stage, found function"):
        Pipeline([lambda document: document])


class Odd:
    """Something that can be called, and has what a test gives it."""

    def __init__(self, **parts: object) -> None:
        vars(self).update(parts)

    def __call__(self, record):
        return record


def test_what_is_almost_a_stage_is_told_what_it_lacks():
    class NeedsModel(Odd):
        def __init__(self, model, extra, *, into=None) -> None: ...

    whole = {"name": "odd", "requires": (), "provides": ()}
    assert kind_problems(
        [
            Odd(name="odd"),
            Odd(**whole | {"requires": 5}),
            Odd(**whole | {"provides": "label"}),
            Odd(**whole | {"uses": (3,)}),
            Odd(**whole | {"name": None}),
            Odd(**whole),
            NeedsModel,
        ]
    ) == [
        "1: Odd is no stage: it has no requires, provides",
        "2: Odd.requires: expected a tuple of names, found 5",
        "3: Odd.provides: expected a tuple of names, found 'label'",
        "4: Odd.uses: expected a tuple of names, found (3,)",
        "5: Odd.name: expected a string, found None",
        "7: NeedsModel is a class; make a stage of it, such as NeedsModel(model, extra)",
    ]
