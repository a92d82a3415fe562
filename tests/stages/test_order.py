"""Stages that cannot run in their order are found before they run."""

from __future__ import annotations

from dataclasses import dataclass

from nlp_lstm.stages.order import order_problems


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
