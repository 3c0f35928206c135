"""The population engines in torch, float64, for ``device="cuda"``: all neurons side by side, finished ones masked and dropped.

The descent does the arithmetic of ``population_descent_kernel`` and agrees with it to rounding (1e-12 in the tests). The flow
has the equations, closed forms and rules of ``population_flow``, but explicit steps of Dormand and Prince's pair of order 8
(DOP853), each neuron with its own; both engines meet the tolerance, so they agree to twice that. Where c ≪ 0 explicit steps
are short, and the compiled engine on a CPU needs far fewer.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .gd import CHECK, TINY, End

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["descend_on", "descent_solver", "device_of", "flow_on", "flow_solver"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

DEAD, BALANCED, LIMIT = 1e-140, 1e-15, 1_000_000
LOOK = 8
"""Steps of the flow between two looks for finished neurons."""
PER_TURN = 1 / (2 * math.pi)


def device_of(name: str) -> Any:
    """The torch device of a name such as cuda; ValueError where torch has none."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"device={name!r} needs torch: pip install torch, or use device='cpu'.", name=error.name
        ) from None
    if not name.startswith("cuda"):
        raise ValueError(f"device is cpu or cuda, not {name!r}.")
    if not torch.cuda.is_available():
        raise ValueError(f"device={name!r} needs a GPU, but torch {torch.__version__} finds none; use device='cpu'.")
    return torch.device(name)


def flow_solver(name: str) -> Callable[[Array, Array, float], tuple[Array, Ints, NDArray[np.int8]]]:
    """What ``population_flow`` calls."""
    device = device_of(name)
    return lambda start, times, tolerance: flow_on(device, start, times, tolerance)


def descent_solver(name: str) -> Callable[..., tuple[Array, Array, Ints, NDArray[np.int8]]]:
    """What ``population_descent`` calls."""
    device = device_of(name)
    return lambda *given: descend_on(device, *given)


def angles(u: "Tensor") -> tuple["Tensor", "Tensor"]:
    """ψ = π − θ and g(θ) at u = ln tan(θ/2)."""
    import torch

    e = torch.exp(-u.abs())
    share, small = 1 / (1 + e * e), 2 * torch.atan(e)
    sine, cosine, y = 2 * e * share, (1 - e * e) * share, small * small
    series = 1 / 3 - y * (1 / 30 - y * (1 / 840 - y * (1 / 45360 - y * (1 / 3991680 - y / 518918400))))
    far = torch.where(small > 0.4, sine - small * cosine, small * y * series)
    psi = torch.where(u < 0, math.pi - small, small)
    return psi, torch.where(u < 0, sine + psi * cosine, far) * PER_TURN


def turned(a: "Tensor", r: "Tensor", by: "Tensor") -> tuple["Tensor", "Tensor"]:
    """(a, r) moved by λ along its hyperbola."""
    import torch

    grown = torch.expm1(by)
    sinh, cosh = 0.5 * (grown + grown / (grown + 1)), 1 + 0.5 * grown * grown / (grown + 1)
    return a * cosh + r * sinh, r * cosh + a * sinh


def velocity(a: "Tensor", r: "Tensor", u: "Tensor") -> tuple["Tensor", "Tensor"]:
    """λ' and u'."""
    psi, g = angles(u)
    return g - a * r / 2, -a / r * psi * PER_TURN


def step(a: "Tensor", r: "Tensor", u: "Tensor", h: "Tensor") -> tuple["Tensor", "Tensor", "Tensor"]:
    """λ and u after a step of DOP853, and its error."""
    import torch
    from scipy.integrate import DOP853

    first, second = velocity(a, r, u)
    ks = [(first, second)]

    def total(weights: Any) -> tuple["Tensor", "Tensor"]:
        pairs = [(float(weight), k) for weight, k in zip(weights, ks, strict=False) if weight]
        return sum(x * k[0] for x, k in pairs), sum(x * k[1] for x, k in pairs)  # type: ignore[return-value]

    for row in DOP853.A[1:]:
        by, change = total(row)
        ks.append(velocity(*turned(a, r, h * by), u + h * change))
    by, change = total(DOP853.B)
    by, end = h * by, u + h * change
    ks.append(velocity(*turned(a, r, by), end))
    weight = torch.clamp((a / r).abs(), min=1.0)
    fifth, third = (torch.maximum(weight * x.abs(), y.abs()) for x, y in (total(DOP853.E5), total(DOP853.E3)))
    error = h * fifth * fifth / torch.sqrt(fifth * fifth + 0.01 * third * third + 1e-300)
    return by, end, torch.nan_to_num(error, nan=math.inf)


def settled(a: "Tensor", r: "Tensor", u: "Tensor", c: "Tensor", far: Any, error: float) -> "Tensor":
    """Does a closed form hold from here on: 1 for landing, 2 for dying out? As in ``population_steps``."""
    import torch

    size, part = far[0] ** 2 + far[1] ** 2, r * r / c
    lands = (a > 0) & (u < 0) & (16 * torch.exp(4 * u) < error) & ((a * r - 1) ** 2 < error * size * size)
    dies = (a < 0) & (c > 0) & (u > 3) & (torch.sqrt(part) * torch.maximum(part, 4 * torch.exp(-2 * u)) < error)
    return lands.int() + 2 * (dies & ~lands).int()


def forced(fast: "Tensor", slow: "Tensor", t: "Tensor") -> "Tensor":
    """∫₀ᵗ e^{−fast (t − s)} e^{−slow s} ds."""
    import torch

    gap = (fast - slow).abs()
    rise = torch.where(gap > 0, -torch.expm1(-gap * t) / gap, t)
    return torch.exp(-torch.minimum(fast, slow) * t) * rise


def landing(a0: "Tensor", r0: "Tensor", u0: "Tensor", far: Any, t: "Tensor") -> tuple["Tensor", "Tensor", "Tensor"]:
    """a, r and u a time t later, near the teacher."""
    import torch

    a, m = far
    fast, slow, theta = (a * a + m * m) / 2, a * a / 2, 2 * torch.atan(torch.exp(u0))
    delta = torch.log1p((a0 - a + r0 - m) / (a + m))
    second, third = theta**2 / 4 * (1 + 2 * theta / math.pi), 2 * theta**3 / (3 * math.pi)
    left = delta * torch.exp(-fast * t) - second * forced(fast, 2 * slow, t) + third * forced(fast, 3 * slow, t)
    path = (delta - left + theta**2 / (8 * slow) * torch.expm1(-2 * slow * t)) / fast
    u = u0 - slow * t - torch.log1p(theta / math.pi * torch.expm1(-slow * t)) - (1 - a**4) * path / 2
    return *turned(a, m, left), u


def dying(r0: "Tensor", u0: "Tensor", c: "Tensor", t: "Tensor") -> tuple["Tensor", "Tensor", "Tensor"]:
    """a, r and u a time t later, near (−√c, 0)."""
    import torch

    shrink, psi = torch.exp(-c * t / 2), 2 * torch.atan(torch.exp(-u0))
    late = psi * shrink / (shrink - psi * torch.expm1(-c * t / 2) / (math.pi * torch.sqrt(c) * r0))
    r = r0 * shrink
    return -torch.sqrt(c + r * r), r, torch.log(2 / late)


def flow_on(device: Any, start: Array, times: Array, tolerance: float) -> tuple[Array, Ints, NDArray[np.int8]]:
    """Of starts (a, r, u) (B, 3), times (T,) and a tolerance: a, r, u at the times (B, T, 3), steps and ends."""
    import torch

    at = torch.as_tensor(times, dtype=torch.float64, device=device)
    a, r, u = torch.as_tensor(start, dtype=torch.float64, device=device).T.clone()
    c = (a - r) * (a + r)
    c = torch.where(c.abs() <= BALANCED * (a * a + r * r), 0.0, c)
    large = torch.sqrt((c.abs() + torch.sqrt(c * c + 4)) / 2)
    far = torch.where(c >= 0, large, 1 / large), torch.where(c >= 0, 1 / large, large)
    sign, now, done = torch.where(a < 0, -1.0, 1.0), torch.zeros_like(a), torch.zeros_like(a, dtype=torch.int64)
    h = 0.02 / (1 + a * a + r * r)
    rows, steps = torch.arange(len(a), device=device), torch.zeros_like(done)
    out = torch.zeros((len(a), len(at), 3), dtype=torch.float64, device=device)
    ends, taken = torch.zeros_like(done), torch.zeros_like(done)
    local, closed, count = max(1e-2 * tolerance, 1e-15), 0.05 * tolerance, 0
    while len(rows):
        if count % LOOK == 0:
            kind = settled(a, r, u, c, far, closed)
            gone = (c >= 0) & (r < DEAD)
            over = (done == len(at)) | (kind > 0) | gone | (steps >= LIMIT)
            for i in range(len(at)):
                left = torch.clamp(at[i] - now, min=0.0)
                kept = [torch.where(kind == 1, x, torch.where(kind == 2, y, z)) for x, y, z in zip(
                    landing(a, r, u, far, left), dying(r, u, c, left), (a, r, u), strict=True)]  # fmt: skip
                fill = over & (done <= i)
                out[rows[fill], i] = torch.stack(kept, -1)[fill]
            ends[rows[over]] = _how(kind, done, gone, out[rows, -1], far, c, tolerance, len(at))[over]
            taken[rows[over]] = steps[over]
            go = ~over
            a, r, u, c, sign, now, done, h, rows, steps = (x[go] for x in (a, r, u, c, sign, now, done, h, rows, steps))
            far = far[0][go], far[1][go]
            if not len(rows):
                break
        running = done < len(at)
        target = at[torch.clamp(done, max=len(at) - 1)]
        left = target - now
        try_h = torch.where(running, torch.minimum(h, left), 0.0)
        by, end, error = step(a, r, u, try_h)
        good = running & (error <= local)
        next_a, next_r = turned(a, r, by)
        next_a = torch.where(c >= 0, sign * torch.sqrt(c + next_r * next_r), next_a)
        next_r = torch.where(c >= 0, next_r, torch.sqrt(next_a * next_a - c))
        good &= torch.isfinite(next_a) & (next_r > 0)
        a, r, u = (torch.where(good, x, y) for x, y in ((next_a, a), (next_r, r), (end, u)))
        arrived = good & (try_h == left)
        now = torch.where(arrived, target, torch.where(good, now + try_h, now))
        out[rows[arrived], done[arrived]] = torch.stack([a, r, u], -1)[arrived]
        done, steps = done + arrived.long(), steps + running.long()
        factor = torch.clamp(0.9 * torch.clamp(error / local, min=1e-12) ** (-1 / 8), 0.2, 6.0)
        h = torch.where(running, torch.where(arrived, torch.maximum(h, try_h * factor), try_h * factor), h)
        count += 1
    return out.cpu().numpy(), taken.cpu().numpy(), ends.cpu().numpy().astype(np.int8)


def _how(kind: Any, done: Any, gone: Any, last: Any, far: Any, c: Any, tolerance: float, points: int) -> "Tensor":
    """How each neuron ends, as in ``population_steps``."""
    import torch

    a, m = (torch.where(kind == 2, x, y) for x, y in ((-torch.sqrt(c.abs()), far[0]), (torch.zeros_like(c), far[1])))
    side = torch.where(kind == 1, 2 * last[:, 1] * torch.exp(last[:, 2]), 0.0)
    off = torch.maximum(torch.maximum((last[:, 0] - a).abs(), (last[:, 1] - m).abs()), side)
    rest = torch.where(off <= 0.1 * tolerance * torch.maximum(a.abs(), m), int(End.REST), int(End.TIME))
    rest = torch.where((kind == 2) & (last[:, 1] < DEAD), int(End.COLLAPSED), rest)
    other = torch.where(gone, int(End.COLLAPSED), int(End.STALLED))
    return torch.where(done == points, int(End.TIME), torch.where(kind > 0, rest, other))


def descend_on(
    device: Any, state: Array, eta: float, mu: float, steps: int, moments: Ints
) -> tuple[Array, Array, Ints, NDArray[np.int8]]:
    """Of states (B, 7), η, μ, the steps and moments (M,): points (M, B, 3), last (B, 3), steps taken and ends."""
    import torch

    *now, frozen, first, share, largest = torch.as_tensor(state, dtype=torch.float64, device=device).T.clone()
    rows = torch.arange(len(now[0]), device=device)
    last, points = torch.stack(now, -1), torch.zeros((len(moments), len(rows), 3), dtype=torch.float64, device=device)
    taken, ends = torch.full_like(rows, steps), torch.zeros_like(rows)
    now = [*now, *(torch.zeros_like(x) for x in now)]
    fixed, marks, k = (frozen, first, share, largest), moments.tolist(), 0
    while True:
        last[rows] = torch.stack(now[:3], -1)
        for moment in [i for i, mark in enumerate(marks) if mark == k]:
            points[moment] = last
        if k == steps or not len(rows):
            break
        start, n, look = now, min(CHECK - k % CHECK, min([m for m in marks if m > k], default=steps) - k), k % CHECK == 0
        flag = torch.zeros_like(now[0], dtype=torch.bool)
        for i in range(n):
            old, now = now, _move(now, fixed, eta, mu)
            flag |= _met(old, now, fixed, look and i == 0) > 0
        if bool(flag.any()):
            now = start
            for i in range(n):
                old, now = now, _move(now, fixed, eta, mu)
                met = _met(old, now, fixed, look and i == 0)
                kept = [torch.where(met == int(End.DIVERGED), x, y) for x, y in zip(old, now, strict=True)]
                out, go = rows[met > 0], met == 0
                last[out] = torch.stack(kept[:3], -1)[met > 0]
                taken[out], ends[out] = k + i + 1, met[met > 0]
                rows, now, fixed = rows[go], [x[go] for x in now], tuple(x[go] for x in fixed)
        k += n
    for moment, mark in enumerate(marks):
        points[moment] = torch.where((taken < mark)[:, None], last, points[moment])
    return points.cpu().numpy(), last.cpu().numpy(), taken.cpu().numpy(), ends.cpu().numpy().astype(np.int8)


def _move(now: list["Tensor"], fixed: Any, eta: float, mu: float) -> list["Tensor"]:
    """A step of a, w_1, ±‖w_⊥‖ and their velocities."""
    import torch

    (a, p, q, va, vp, vq), (frozen, first, _, _) = now, fixed
    square = q * q + frozen
    across = torch.sqrt(square)
    sink = torch.where(across > 0, across / (p * p + square), 0.0) * PER_TURN - a / 2
    opening = torch.where((across > 0) | (p != 0), torch.atan2(across, -p), 0.0)
    along = sink * p + opening * PER_TURN
    va, vp, vq = mu * va + (p * along + sink * square), mu * vp + a * (along * first), mu * vq + a * (sink * q)
    return [a + eta * va, p + eta * vp, q + eta * vq, va, vp, vq]


def _met(old: list["Tensor"], now: list["Tensor"], fixed: Any, look: bool) -> "Tensor":
    """The ends that neurons met in a step, as in ``gd``; 0 for none."""
    import torch

    (_, p, q, *_), (_, _, share, largest) = now, fixed
    size = torch.maximum(torch.maximum(p.abs(), q.abs() * share), largest)
    move = torch.maximum((p - old[1]).abs(), (q - old[2]).abs() * share)
    met = torch.zeros_like(p, dtype=torch.int64)
    if look:
        met[torch.stack([x == y for x, y in zip(now, old, strict=True)]).all(0)] = int(End.REST)
    met[(size < TINY) & (move < TINY)] = int(End.COLLAPSED)
    met[~torch.isfinite(now[0].abs() + p.abs() + q.abs())] = int(End.DIVERGED)
    return met
