"""What is found in a sentence: its tags, the entities they mark, and how sure the network is of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.nn.crf import Crf, Path
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.records.predictions import Entity, Tagging
from nlp_lstm.tasks.tag_notation import TagNotation


class SurePath(NamedTuple):
    """The best tags of a sentence.

    Attributes:
        tags: tag numbers, int64 (words,).
        nodes: the probability of each tag, float64 (time,), as in `nlp_lstm.nn.crf.Confidence`.
        moves: that of each but the first, given the one before it, float64 (time − 1,).
    """

    tags: NDArray[np.int64]
    nodes: NDArray[np.float64]
    moves: NDArray[np.float64]


def sure_paths(paths: Crf, emissions: Tensor, mask: Tensor) -> Iterator[SurePath]:
    """Yield the best tags of each row, with how sure the network is of them.

    Args:
        paths: weighs tag sequences.
        emissions: the score of each tag at each word, float32 (batch, time, tags).
        mask: True at real words, bool (batch, time).
    """
    found = paths.decode(emissions, mask)
    best = torch.from_numpy(_padded(found, mask.shape[1])).to(mask.device)
    sure = paths.confidence(emissions, best, mask)
    for each in zip(found, sure.nodes.cpu().numpy(), sure.moves.cpu().numpy(), strict=True):
        yield SurePath(*each)


def tagging_of(
    sentence: TaggedSentence, path: SurePath, notation: TagNotation, *, others: Sequence[Path] = ()
) -> Tagging:
    """Return what is found in a sentence; `others` are the likeliest of all its tag sequences."""
    tags = path.tags[: len(sentence.words)]  # a sentence without words has a row with one unknown
    nodes, moves = path.nodes[: len(tags)].tolist(), path.moves[: len(tags) - 1].tolist()
    entities = []
    for first, last in notation.chunks(tags):
        start, end = sentence.starts[first], sentence.starts[last] + len(sentence.words[last])
        score = prod(moves[first:last], start=nodes[first])
        entities.append(Entity(notation.tags[tags[first]][2:], score, sentence.text[start:end], start, end))
    alternatives = tuple((notation.written(each.tags), float(np.exp(each.log_prob))) for each in others)
    written = notation.written(tags)
    return Tagging(sentence.text, sentence.words, sentence.starts, written, tuple(nodes), tuple(entities), alternatives)


def _padded(paths: Sequence[NDArray[np.int64]], time: int) -> NDArray[np.int64]:
    """Return tag sequences as a rectangle with zeros behind them, int64 (batch, time)."""
    rectangle = np.zeros((len(paths), time), dtype=np.int64)
    for row, path in zip(rectangle, paths, strict=True):
        row[: len(path)] = path
    return rectangle
