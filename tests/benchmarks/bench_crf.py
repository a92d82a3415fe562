"""Our linear-chain CRF beside pytorch-crf: loss with its gradients, and the best paths, of ragged batches.

Both have the same weights and their results are compared first; then they take turns, ABBA, and the ratio of each
round is taken. Prints one JSON line a case: the peer's and our milliseconds, the median ratio with its 95 % bootstrap
interval, and the least milliseconds either needed, which a busy machine disturbs less.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torchcrf
from torch import Tensor

from nlp_lstm.nn.crf import Crf

ROUNDS = 30
REPEATS = 5
"""Runs in a block: one alone is too short to time."""
SHAPES = ((32, 30, 17), (128, 30, 17))
"""Sentences, words of the longest one, tags."""


def seconds(work: Callable[[], object]) -> float:
    """Return how long one run of `work` takes, measured over a block of them."""
    started = time.perf_counter()
    for _ in range(REPEATS):
        work()
    return (time.perf_counter() - started) / REPEATS


class Case:
    """One batch and the two models that score it."""

    def __init__(self, batch: int, time_steps: int, n_tags: int) -> None:
        generator = torch.Generator().manual_seed(0)
        lengths = torch.randint(time_steps // 2, time_steps + 1, (batch,), generator=generator)
        lengths[0] = time_steps
        self.mask = torch.arange(time_steps) < lengths.unsqueeze(1)
        self.tags = torch.randint(n_tags, (batch, time_steps), generator=generator)
        self.emissions = torch.randn(batch, time_steps, n_tags, generator=generator).requires_grad_()
        self.crf, self.peer = Crf(n_tags), torchcrf.CRF(n_tags, batch_first=True)
        for ours, theirs in self.parameters():
            theirs.data.normal_(generator=generator)
            ours.data.copy_(theirs.data)

    def parameters(self) -> list[tuple[Tensor, Tensor]]:
        """Return our parameters beside the peer's."""
        ours, peer = self.crf, self.peer
        return [(ours.start, peer.start_transitions), (ours.move, peer.transitions), (ours.end, peer.end_transitions)]

    def our_loss(self) -> Tensor:
        return -self.crf.log_likelihood(self.emissions, self.tags, self.mask).sum()

    def peer_loss(self) -> Tensor:
        return -self.peer(self.emissions, self.tags, self.mask)

    def learn(self, loss: Callable[[], Tensor]) -> Tensor:
        """Leave fresh gradients everywhere and return that of the emissions."""
        for leaf in (self.emissions, *self.crf.parameters(), *self.peer.parameters()):
            leaf.grad = None
        loss().backward()
        assert self.emissions.grad is not None
        return self.emissions.grad

    def learn_ours(self) -> Tensor:
        return self.learn(self.our_loss)

    def learn_theirs(self) -> Tensor:
        return self.learn(self.peer_loss)

    def our_paths(self) -> list[list[int]]:
        with torch.inference_mode():
            return [path.tolist() for path in self.crf.decode(self.emissions, self.mask)]

    def peer_paths(self) -> list[list[int]]:
        with torch.inference_mode():
            return self.peer.decode(self.emissions, self.mask)

    def check(self) -> None:
        """Raise unless both give the same loss, gradients and paths."""
        torch.testing.assert_close(self.our_loss(), self.peer_loss(), rtol=1e-5, atol=1e-3)
        emissions = self.learn_ours()
        moves = [ours.grad for ours, _ in self.parameters()]
        torch.testing.assert_close(emissions, self.learn_theirs(), rtol=1e-3, atol=1e-4)
        for ours, (_, theirs) in zip(moves, self.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs.grad, rtol=1e-3, atol=1e-3)
        assert self.our_paths() == self.peer_paths()


def compare(name: str, ours: Callable[[], object], peer: Callable[[], object]) -> dict[str, object]:
    """Return the figures of one case."""
    seconds(ours), seconds(peer)
    pairs = []
    for _ in range(ROUNDS):
        a, b, c, d = (seconds(work) for work in (peer, ours, ours, peer))
        pairs.append(((a + d) / 2, (b + c) / 2))
    ratios = np.array([theirs / mine for theirs, mine in pairs])
    draws = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    theirs, mine = zip(*pairs, strict=True)
    return {
        "name": name,
        "peer": f"pytorch-crf {torchcrf.__version__}",
        "peer_ms": round(statistics.median(theirs) * 1e3, 3),
        "ours_ms": round(statistics.median(mine) * 1e3, 3),
        "least_ms": [round(min(theirs) * 1e3, 3), round(min(mine) * 1e3, 3)],
        "ratio": round(float(np.median(ratios)), 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    for shape in SHAPES:
        case = Case(*shape)
        case.check()
        work = {
            "loss and gradient": (case.learn_ours, case.learn_theirs),
            "decode": (case.our_paths, case.peer_paths),
        }
        for name, (ours, peer) in work.items():
            print(json.dumps(compare(f"{name} {shape}", ours, peer)), flush=True)
