"""Batches of several parts in turn, against their own batches."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
import torch

from nlp_lstm.batching.alternating import AlternatingBatches, PartBatch


class Numbers:
    """Batches that say which epoch and place they are of; every second epoch backwards."""

    n_cut, part = 2, "another window"

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def epoch(self, number: int, *, start: int = 0):
        places = range(self.size) if number % 2 == 0 else range(self.size - 1, -1, -1)
        for place in list(places)[start:]:
            yield (number, place)


def alternating(**weights: float) -> AlternatingBatches:
    sizes = {"many": 12, "few": 3, "some": 5}
    return AlternatingBatches(
        {name: Numbers(size) for name, size in sizes.items()}, {**dict.fromkeys(sizes, 1), **weights}
    )


def test_an_epoch_holds_every_batch_of_every_part_once():
    found = list(alternating().epoch(0))
    assert len(found) == len(alternating()) == 20
    assert Counter(found) == Counter(
        PartBatch(name, (0, place)) for name, size in (("many", 12), ("few", 3), ("some", 5)) for place in range(size)
    )


def test_the_batches_of_a_part_stand_at_equal_distances():
    parts = [each.part for each in alternating().epoch(0)]
    for name, size in (("many", 12), ("few", 3), ("some", 5)):
        places = [-1, *(place for place, part in enumerate(parts) if part == name), 20]
        assert all(abs((after - before) - 20 / size) <= 3 for before, after in pairwise(places[1:-1]))


@pytest.mark.parametrize(("weight", "count"), [(2, 6), (0.5, 2), (0.01, 1), (1.4, 4)])
def test_a_weight_says_how_often_an_epoch_goes_through_a_part(weight, count):
    found = list(alternating(few=weight).epoch(0))
    assert len(found) == len(alternating(few=weight)) == 17 + count
    assert Counter(each.part for each in found)["few"] == count


def test_a_part_goes_on_in_the_next_epoch_where_it_ended():
    batches = alternating(few=0.5)
    found = [each.batch for number in range(3) for each in batches.epoch(number) if each.part == "few"]
    assert found == [(0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0)]


@pytest.mark.parametrize("number", [0, 1, 5])
def test_an_epoch_is_the_same_from_any_place_on(number):
    batches = alternating(many=0.3, few=2.5)
    whole = list(batches.epoch(number))
    for start in range(len(batches) + 1):
        assert list(batches.epoch(number, start=start)) == whole[start:]


def test_what_is_cut_is_counted_over_all_parts():
    assert (alternating().n_cut, alternating().part) == (6, "another window")


def test_a_batch_moves_with_what_it_holds():
    class Moved:
        n_tokens = 7

        def to(self, device: torch.device) -> str:
            return f"on {device}"

    batch = PartBatch("few", Moved())
    assert batch.n_tokens == 7
    assert batch.to(torch.device("cpu")) == PartBatch("few", "on cpu")
