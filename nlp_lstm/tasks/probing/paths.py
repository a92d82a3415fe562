"""A sentence whose words get tags, on its way through a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nlp_lstm.inspection import Decision
from nlp_lstm.nn.deciding import find_rivals
from nlp_lstm.nn.tagger import Tagger
from nlp_lstm.tasks.probing.probe import Aim, number_of
from nlp_lstm.tasks.probing.texts import ReadText, Scores, TextProbe

FORBIDDEN = -1e4
"""Put in place of an emission so that no sequence has that tag there: e^−10⁴ is 0 in every float type."""


class PathProbe(TextProbe):
    """A sentence whose words get tags; what is explained is the probability of all tags, or of one word's.

    Args:
        read: the sentence.
        head: what stands on the encoder.
        scores: the emissions of a batch.
        predict: gives the prediction as plain values.
        tags: every tag, in the network's order.
        target: the number of a word, counted from 1; None takes all tags together.
    """

    def __init__(
        self,
        read: ReadText,
        head: Tagger,
        scores: Scores,
        predict: Callable[[], dict[str, Any]],
        tags: Sequence[str],
        *,
        target: str | None = None,
    ) -> None:
        super().__init__(read, target=target)
        self._head, self._scores, self._predict, self.tags = head, scores, predict, tuple(tags)

    def prediction(self) -> dict[str, Any]:
        """Return the tags, how sure the model is of them, and the entities."""
        return self._predict()

    def aim(self) -> Aim:
        """Return what to explain: the best tags together, or that of one word."""
        mask = self.read.mask
        with torch.no_grad():
            (path,) = self._head.paths.decode(self._emissions(1), mask)
        best = torch.from_numpy(path).to(mask.device)  # (time,)
        if self.target is None:
            return Aim("log-probability of all the tags", lambda rows: self._log_prob(self._emissions(rows), best))
        place = number_of(self.target, len(best), what="word")
        allowed = torch.ones(len(best), len(self.tags), dtype=torch.bool, device=best.device)
        allowed[place] = torch.arange(len(self.tags), device=best.device) == best[place]

        def score(rows: int) -> Tensor:
            # log p(y_t) = log Z with the tag fixed − log Z; the best sequence has the same score under both.
            emissions = self._emissions(rows)
            fixed = torch.where(allowed, emissions, FORBIDDEN)
            return self._log_prob(emissions, best) - self._log_prob(fixed, best)

        tag, word = self.tags[int(best[place])], self.tokens.texts[place]
        return Aim(f"log-probability of the tag {tag!r} of word {place + 1}, {word!r}", score)

    def decisions(self) -> tuple[Decision, ...]:
        """Return for each word the best sequence against the best one with another tag there."""
        paths = self._head.paths
        with torch.no_grad():
            emissions = self._emissions(1)
            (path,) = paths.decode(emissions, self.read.mask)
            start, move, end = (part.double().cpu().numpy() for part in paths.scores())
            scores = emissions[0].double().cpu().numpy()  # (time, tags)
        rivals = find_rivals(scores, start, move, end, path)
        found = []
        for place, tag in enumerate(path.tolist()):
            came = float(move[path[place - 1], tag] if place else start[tag])
            rival = int(rivals.tags[place])
            decision = Decision(self.tags[tag], float(scores[place, tag]), came)
            if rival >= 0:
                words, moves = float(rivals.emissions[place]), float(rivals.moves[place])
                decision = replace(
                    decision,
                    rival=self.tags[rival],
                    rival_emission=float(scores[place, rival]),
                    margin=words + moves,
                    margin_emissions=words,
                    margin_moves=moves,
                )
            found.append(decision)
        return tuple(found)

    def _emissions(self, rows: int) -> Tensor:
        emissions: Tensor = self._scores(*self.read.copies(rows)).tags
        return emissions

    def _log_prob(self, emissions: Tensor, path: Tensor) -> Tensor:
        rows = len(emissions)
        return self._head.paths.log_likelihood(emissions, path.expand(rows, -1), self.read.mask.expand(rows, -1))
