"""The share of a sample's rows that is ours, from their scores.

A row that is nobody's in particular has its visible part with the chance p. A row that was copied from the
base has it with n / N, where n of N customers have it. So a row scores n / (N p), and a sample of which the
share t is ours has the likelihood

    L(t) = product over distinct rows of (1 - t + t * score)

The prior of t is Jeffreys' for a share, Beta(1/2, 1/2): it favours neither end, and its intervals cover the
true share as often as they say (Brown, Cai and DasGupta, Statistical Science 2001, for the case in which each
row tells for sure). With t = sin(f)^2 that prior is even in f, so the posterior is summed over an even grid
of f, without any sampling.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CELLS = 1_000
_EDGES = np.linspace(0, np.pi / 2, _CELLS + 1)
_GRID: Floats = np.sin((_EDGES[:-1] + _EDGES[1:]) / 2) ** 2
_LEVELS = (0.05, 0.50, 0.95)
#: Points of the curve that pictures show.
_CURVE: Floats = np.linspace(0, 0.99, 100)
_CURVE_FLOOR = -60.0


@dataclass(frozen=True, slots=True)
class ShareInterval:
    """The share of rows that is ours: 5%, 50% and 95% of what the scores leave possible."""

    low: float
    middle: float
    high: float
    evidence: float  # natural logarithm of the likelihood at its best, against no row being ours; >= 0

    def as_dict(self) -> dict[str, float]:
        return {"low": self.low, "middle": self.middle, "high": self.high, "evidence": self.evidence}


def share_of(scores: Floats, *, repeated: float = 1.0) -> ShareInterval:
    """Return the share; `repeated`: as if so many times as many rows with such scores had been shown."""
    log_likelihood = _log_likelihood(scores, _GRID) * repeated
    weights = np.exp(log_likelihood - log_likelihood.max())
    below = np.concatenate(([0.0], np.cumsum(weights)))
    low, middle, high = np.sin(np.interp(np.array(_LEVELS) * below[-1], below, _EDGES)) ** 2
    return ShareInterval(float(low), float(middle), float(high), max(0.0, float(log_likelihood.max())))


def likelihood_curve(scores: Floats) -> tuple[tuple[float, float], ...]:
    """Return (share, log-likelihood) over the shares 0 to 0.99; the highest point is 0."""
    values = _log_likelihood(scores, _CURVE)
    values = np.maximum(values - values.max(), _CURVE_FLOOR)
    return tuple(zip(_CURVE.tolist(), values.tolist(), strict=True))


def _log_likelihood(scores: Floats, shares: Floats) -> Floats:
    distinct, times = np.unique(scores, return_counts=True)
    terms: Floats = np.log1p(shares[:, None] * (distinct - 1))
    return terms @ times.astype(np.float64)
