"""Random numbers of mini-batch descent from counters: orders of the samples, and fresh samples of the population.

A 64-bit key and a counter c make the word mix(key + c γ) of ``theory.streams``, so each number is a function of the trial, the
level and its own place alone. Arrays of NumPy and of torch alike; integers are int64, which wraps as uint64 does. Only +, −,
×, ÷ and bits are used, in one order of operations and without fused multiply-adds, so NumPy, torch and the compiled kernel
(``sgd_draws_kernel``) return the same bits; torch's √ on a CPU, for one, is not rounded as NumPy's is.
"""

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from theory.streams import bits

__all__ = ["COSINE", "LN2", "LOGARITHM", "ROOT_GUESS", "SINE", "normal_pairs", "orders", "samples", "words"]

LN2 = math.log(2)
LOGARITHM = tuple(2 / (2 * i + 1) for i in range(10, -1, -1))
"""ln((1 + s)/(1 − s)) = s Σ_i 2 s²ⁱ/(2i + 1), highest power first; the rest is below 2⁻⁵³ for (1 + s)/(1 − s) in [√½, √2]."""
SINE = tuple((-1) ** i / math.factorial(2 * i + 1) for i in range(7, -1, -1))
COSINE = tuple((-1) ** i / math.factorial(2 * i) for i in range(8, -1, -1))
"""sin φ/φ and cos φ in powers of φ², highest first, to 2⁻⁵³ for |φ| ≤ π/4."""

ROOT_GUESS = 0x5FE6EB50C7B537A9
"""Less half the bits of x, those of 1/√x to 3 % (Lomont, Fast inverse square root, 2003)."""


def orders(keys: NDArray[np.uint64], n: int) -> NDArray[np.int64]:
    """A random order of 0 … n − 1 for each key (B,): shape (B, n), each of the n! as likely as any other.

    Fisher and Yates's shuffle, inside out (Durstenfeld, CACM 7(7), 1964): for i = 0 … n − 1 the i-th word u, as a fraction of
    2⁶⁴, gives the place j = ⌊u (i + 1)⌋ ≤ i, whose number moves to i and makes room for i. A place is likelier than another
    by (i + 1) 2⁻⁶⁴ at most. n ≤ 2³¹.

    >>> orders(np.array([5], np.uint64), 6).tolist()
    [[4, 1, 5, 2, 3, 0]]
    """
    u, m = bits(keys, size=n), np.arange(1, n + 1, dtype=np.uint64)
    half, low = np.uint64(32), np.uint64(2**32 - 1)
    places = (((u >> half) * m + (((u & low) * m) >> half)) >> half).astype(np.int64)
    out, rows = np.zeros(places.shape, np.int64), np.arange(len(places))
    for i in range(n):
        j = places[:, i]
        out[:, i] = out[rows, j]
        out[rows, j] = i
    return out


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


def _mix(z: Any) -> Any:
    z = (z ^ ((z >> 30) & (2**34 - 1))) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ ((z >> 27) & (2**37 - 1))) * _signed(0x94D049BB133111EB)
    return z ^ ((z >> 31) & (2**33 - 1))


def words(keys: Any, counters: Any) -> Any:
    """The words (…, size) of keys (…, 1) at counters (size,), all int64: those of ``theory.streams.bits`` at counters 1, 2, …

    >>> bool((words(np.array([[7]]), np.arange(1, 4)) == bits(7, size=3).astype(np.int64)).all())
    True
    """
    return _mix(keys + counters * _signed(0x9E3779B97F4A7C15))


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    s = coefficients[0]
    for c in coefficients[1:]:
        s = s * x + c
    return s


def _root(x: Any) -> Any:
    """√x to 2 units in the last place, x ≥ 0: Newton's iteration for 1/√x from a guess by its bits."""
    y = (ROOT_GUESS - (x.view(array_namespace(x).int64) >> 1)).view(array_namespace(x).float64)
    for _ in range(4):
        y = y * (1.5 - (0.5 * x) * (y * y))
    return x * y


def normal_pairs(first: Any, second: Any) -> tuple[Any, Any]:
    """Two independent N(0, 1) variates from two int64 words: Box and Muller's √(−2 ln u) (cos, sin)(angle), |x| ≤ 8.6.

    u = m/2⁵³ with m = 1 … 2⁵³ from the first word; from the second its quarter of the turn and φ ∈ [−π/4, π/4).
    """
    xp = array_namespace(first)
    u = xp.astype(((first >> 11) & (2**53 - 1)) + 1, xp.float64)
    pattern = u.view(xp.int64)
    power = (pattern >> 52) - (1023 + 53)
    f = ((pattern & (2**52 - 1)) | (1023 << 52)).view(xp.float64)
    large = f > math.sqrt(2)
    f, power = xp.where(large, 0.5 * f, f), xp.astype(xp.where(large, power + 1, power), xp.float64)
    s = (f - 1.0) / (f + 1.0)
    radius = _root((power * LN2 + s * _polynomial(LOGARITHM, s * s)) * -2.0)
    phi = (xp.astype((second >> 9) & (2**53 - 1), xp.float64) * 2.0**-53 - 0.5) * (math.pi / 2)
    sine, cosine = phi * _polynomial(SINE, phi * phi), _polynomial(COSINE, phi * phi)
    odd, back = (second >> 62) & 1, ((second >> 62) & 3) >= 2
    x, y = xp.where(odd == 1, -sine, cosine), xp.where(odd == 1, cosine, sine)
    return radius * xp.where(back, -x, x), radius * xp.where(back, -y, y)


def samples(keys: Any, noise: Any, first: int, count: int, d: int, sigma: float, inputs: str) -> tuple[Any, Any]:
    """Samples first … first + count − 1 of a stream: x (B, count, d) of the law ``inputs``, y = φ(x_1) + σ N(0, 1) (B, count).

    ``keys`` and ``noise``: int64 keys (B,) of the inputs and of the label noise. Sample i has the words 2 h i + 1 … 2 h (i + 1)
    of its key, h = ⌈d/2⌉, a pair of coordinates each two; labels 2i and 2i + 1 share the noise key's words 2i + 1 and 2i + 2.
    """
    xp = array_namespace(keys)
    half, device = -(-d // 2), {} if isinstance(keys, np.ndarray) else {"device": keys.device}
    counters = xp.arange(2 * half * first + 1, 2 * half * (first + count) + 1, dtype=xp.int64, **device)
    drawn = words(keys[:, None], counters)
    if inputs == "uniform":
        x = xp.astype((drawn >> 11) & (2**53 - 1), xp.float64) * 2.0**-52 - 1.0
    else:
        x = xp.stack(normal_pairs(drawn[:, ::2], drawn[:, 1::2]), axis=-1)
    x = xp.reshape(x, (keys.shape[0], count, 2 * half))[:, :, :d]
    y = xp.where(x[:, :, 0] > 0, x[:, :, 0], 0.0 * x[:, :, 0])
    if sigma:
        counters = xp.arange(first // 2 * 2 + 1, (first + count + 1) // 2 * 2 + 1, dtype=xp.int64, **device)
        drawn = words(noise[:, None], counters)
        pairs = xp.stack(normal_pairs(drawn[:, ::2], drawn[:, 1::2]), axis=-1)
        pairs = xp.reshape(pairs, (keys.shape[0], -1))
        y = y + sigma * pairs[:, first % 2 : first % 2 + count]
    return x, y
