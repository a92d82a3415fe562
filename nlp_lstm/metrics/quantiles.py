"""Scores of foreseen quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class QuantileErrors:
    """How good the quantiles of some windows were.

        ρ_τ(y, q) = max(τ (y − q), (τ − 1) (y − q))     the pinball loss of level τ; Koenker & Bassett 1978

    Attributes:
        pinball: mean loss of each window over its steps, columns and levels, float64 (windows,); columns are measured
            in standard deviations of the training data.
        by_level: mean loss of each level, float64 (levels,), measured so too.
        below: share of the numbers that were not above the quantile, float64 (levels,); best is the level itself.
        inside: share of the numbers from the lowest quantile to the highest.
    """

    pinball: NDArray[np.float64]
    by_level: NDArray[np.float64]
    below: NDArray[np.float64]
    inside: float

    def to_dict(self) -> dict[str, object]:
        """Return the scores as plain values."""
        arrays = {name: getattr(self, name).tolist() for name in ("pinball", "by_level", "below")}
        return {**arrays, "inside": self.inside}

    @classmethod
    def of(cls, quantiles: NDArray[np.float64], future: NDArray[np.float64], levels: Sequence[float]) -> QuantileErrors:
        """Return the scores of quantiles.

        Args:
            quantiles: (windows, horizon, columns, levels), rising.
            future: what came, (windows, horizon, columns), in the same units.
            levels: τ of each, in (0, 1).

        >>> errors = QuantileErrors.of(np.array([[[[1.0, 3.0]]]]), np.array([[[2.0]]]), [0.1, 0.9])
        >>> errors.by_level.round(3).tolist(), errors.below.tolist(), errors.inside
        ([0.1, 0.1], [0.0, 1.0], 1.0)
        """
        wrong = future[..., None].astype(np.float64) - quantiles
        level = np.array(levels, dtype=np.float64)
        losses = np.maximum(level * wrong, (level - 1.0) * wrong)
        inside = (wrong[..., 0] >= 0) & (wrong[..., -1] <= 0)
        return cls(losses.mean((1, 2, 3)), losses.mean((0, 1, 2)), (wrong <= 0).mean((0, 1, 2)), float(inside.mean()))

    @classmethod
    def joined(cls, parts: Sequence[QuantileErrors]) -> QuantileErrors:
        """Return the scores of several parts as those of one."""
        sizes = np.array([len(each.pinball) for each in parts], dtype=np.float64)
        shares = sizes / sizes.sum()
        return cls(
            np.concatenate([each.pinball for each in parts]),
            shares @ np.array([each.by_level for each in parts]),
            shares @ np.array([each.below for each in parts]),
            float(shares @ np.array([each.inside for each in parts])),
        )
