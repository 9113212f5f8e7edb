"""Bounds of error for counts. All of them hold for any size; none of them is an approximation that flatters.

The bounds of a binomial tail are Chernoff's: P(X <= x) <= exp(-n KL(x/n || p)) for x <= n p, and the same for
P(X >= x) above it (Hoeffding, JASA 1963, theorem 1). For x = 0 and for x = n they are exact.
"""

from math import exp, log, sqrt

#: 90% of a normal distribution lie within so many standard deviations.
_DEVIATIONS_90 = 1.645


def at_most(found: int, of: int, share: float) -> float:
    """Return a bound of the chance of `found` or fewer in `of` trials that succeed with chance `share`."""
    return 1.0 if of == 0 or found >= of * share else exp(-of * _divergence(found / of, share))


def at_least(found: int, of: int, share: float) -> float:
    """Return a bound of the chance of `found` or more in `of` trials that succeed with chance `share`."""
    return 1.0 if of == 0 or found <= of * share else exp(-of * _divergence(found / of, share))


def share_interval(found: int, of: int) -> tuple[float, float]:
    """Return the 90% interval of a share (Wilson, JASA 1927); 0 to 1 where there are no trials."""
    if not of:
        return 0.0, 1.0
    middle, square = found / of, _DEVIATIONS_90**2
    half = _DEVIATIONS_90 * sqrt(middle * (1 - middle) / of + square / (4 * of * of))
    centre, scale = middle + square / (2 * of), 1 + square / of
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def _divergence(seen: float, expected: float) -> float:
    """Return the Kullback-Leibler divergence of two coins; infinite where `expected` excludes `seen`."""
    parts = ((seen, expected), (1 - seen, 1 - expected))
    if any(one > 0 and other <= 0 for one, other in parts):
        return float("inf")
    return sum(one * log(one / other) for one, other in parts if one > 0)
