"""Filippov's rule on the hyperplanes w·x_i = 0 of samples, one or several at once.

On the hyperplanes of the *tied* samples T the velocity may be any ẇ = a G, G = G0 + Σ_T λ_i y_i x_i/n, λ_i ∈ [0, 1], G0 the
force of the other samples. Where a y_i < 0 the loss has a convex kink there, and Filippov's solution is steepest descent: the λ
that minimise |G|. Then λ_i = 0 leaves to w·x_i < 0, λ_i = 1 to w·x_i > 0, and 0 < λ_i < 1 slides, x_i·G = 0, so that G is G0
projected off the span of the sliding inputs. Where a y_i > 0 the flow crosses.

A *fork* is a point from which Filippov solutions differ: a changes sign while samples slide, so that their kinks repel. Each
then goes to the side that has the larger share λ_i, as the chatter of small descent steps most often does.
"""

import numpy as np

from .flow_state import ALIVE, EVENTS, FORKS, MOST, SIGN, TIED, A, State, add, copy, dot, enlist, gate, jit, project

__all__ = ["arrange", "cross", "fork", "leave", "outside", "span"]


@jit
def outside(s: State) -> None:
    """G0 in ``scratch``."""
    copy(s.scratch, s.vector)
    for j in range(s.counts[ALIVE]):
        add(s.scratch, -s.now[A] * s.w[j], s.matrix[j])


@jit
def span(s: State, tied: int) -> int:
    """Orthonormal basis (rows) of the inputs of the free tied samples, by Gram–Schmidt applied twice; their number."""
    k = 0
    for q in range(tied):
        if not s.free[q]:
            continue
        row = s.basis[k]
        copy(row, s.x[s.tied[q]])
        for l in range(k):
            s.triangle[l, k] = 0.0
        for _ in range(2):
            for l in range(k):
                part = dot(s.basis[l], row)
                s.triangle[l, k] += part
                add(row, -part, s.basis[l])
        s.triangle[k, k] = np.sqrt(dot(row, row))
        for j in range(len(row)):
            row[j] /= s.triangle[k, k]
        k += 1
    return k


@jit
def _independent(s: State, i: int, k: int) -> bool:
    """Is x_i outside the span of the basis?"""
    square = s.norm[i] ** 2
    for l in range(k):
        square -= dot(s.basis[l], s.x[i]) ** 2
    return square > 1e-16 * s.norm[i] ** 2


@jit
def _solve(s: State, tied: int, k: int) -> None:
    """λ of the free tied samples (in order, into ``wanted``) at which ``pull`` has no part in their span."""
    for l in range(k - 1, -1, -1):
        value = -dot(s.basis[l], s.pull)
        for j in range(l + 1, k):
            value -= s.triangle[l, j] * s.wanted[j]
        s.wanted[l] = value / s.triangle[l, l]
    l = 0
    for q in range(tied):
        if s.free[q]:
            s.wanted[l] /= s.y[s.tied[q]]
            l += 1


@jit
def _least(s: State, tied: int, pinned: int) -> None:
    """The shares λ ∈ [0, 1] that minimise |G0 + Σ λ_i y_i x_i/n|, by active sets from feasible ones; ``pinned`` stays bound."""
    outside(s)
    wanted, force = s.wanted, s.pull
    for _ in range(20 + 6 * tied):
        copy(force, s.scratch)
        for q in range(tied):
            if not s.free[q]:
                add(force, s.share[q] * s.y[s.tied[q]], s.x[s.tied[q]])
        k = span(s, tied)
        _solve(s, tied, k)
        far, first, l = 1.0, -1, 0
        for q in range(tied):
            if s.free[q]:
                if wanted[l] < 0 or wanted[l] > 1:
                    reach = ((wanted[l] > 1) - s.share[q]) / (wanted[l] - s.share[q])
                    if reach < far or first < 0:
                        far, first = reach, q
                l += 1
        l = 0
        for q in range(tied):
            if s.free[q]:
                s.share[q] = min(max(s.share[q] + far * (wanted[l] - s.share[q]), 0.0), 1.0)
                l += 1
        if first >= 0:
            s.share[first], s.free[first] = round(s.share[first]), False
            continue
        for l in range(k):
            add(force, -dot(s.basis[l], force), s.basis[l])
        worst, most = -1, 1e-13
        for q in range(tied):
            i = s.tied[q]
            if not s.free[q] and i != pinned and _independent(s, i, k):
                wrong = s.y[i] * dot(s.x[i], force) * (2 * s.share[q] - 1) / (abs(s.y[i]) * s.norm[i] * (1e-300 + _size(s)))
                if wrong > most:
                    worst, most = q, wrong
        if worst < 0:
            return
        s.free[worst] = True


@jit
def _size(s: State) -> float:
    return np.sqrt(dot(s.scratch, s.scratch))


@jit
def arrange(s: State, pinned: int) -> None:
    """Share out the tied samples: the bound ones leave to their side, the free ones slide; w moves onto their hyperplanes."""
    tied, kept = s.counts[TIED], 0
    if tied:
        _least(s, tied, pinned)
    for q in range(tied):
        i = s.tied[q]
        if s.free[q]:
            s.tied[kept], s.share[kept], s.free[kept] = i, s.share[q], True
            kept += 1
        else:
            _release(s, i, s.share[q] > 0.5)
    s.counts[TIED] = kept
    s.counts[MOST] = max(s.counts[MOST], kept)
    project(s, s.w)


@jit
def _release(s: State, i: int, active: bool) -> None:
    s.side[i] = 1 if active else -1
    if active:
        gate(s, i, 1.0)
    enlist(s, i)


@jit
def cross(s: State, i: int) -> None:
    """The flow has come to the hyperplane of sample i: cross it, or slide."""
    s.counts[EVENTS] += 1
    side = s.side[i]
    if s.now[SIGN] * s.y[i] < 0:
        if side > 0:
            gate(s, i, -1.0)
        q = s.counts[TIED]
        s.tied[q], s.share[q], s.free[q], s.side[i] = i, 1.0 if side > 0 else 0.0, False, 0
        s.counts[TIED] += 1
    else:
        s.side[i] = -side
        gate(s, i, -float(side))
        enlist(s, i)
    arrange(s, -1)


@jit
def leave(s: State, q: int, active: bool) -> None:
    """The share of the q-th sliding sample has come to 0 or to 1."""
    s.counts[EVENTS] += 1
    s.share[q], s.free[q] = 1.0 if active else 0.0, False
    arrange(s, s.tied[q])


@jit
def fork(s: State) -> None:
    """a has come to zero and changes sign; kinks that were slid on repel from now on."""
    s.counts[EVENTS] += 1
    s.now[SIGN] = -s.now[SIGN]
    tied = s.counts[TIED]
    if tied == 0:
        return
    s.counts[FORKS] += 1
    outside(s)
    force = s.pull
    copy(force, s.scratch)
    for q in range(tied):
        s.share[q] = 1.0 if s.share[q] > 0.5 else 0.0
        add(force, s.share[q] * s.y[s.tied[q]], s.x[s.tied[q]])
    for _ in range(10 * tied):  # each turn makes |force| grow, so this ends
        turned = False
        for q in range(tied):
            i = s.tied[q]
            if s.y[i] * dot(s.x[i], force) * (2 * s.share[q] - 1) < 0:
                add(force, (1 - 2 * s.share[q]) * s.y[i], s.x[i])
                s.share[q], turned = 1 - s.share[q], True
        if not turned:
            break
    s.counts[TIED] = 0
    for q in range(tied):
        _release(s, s.tied[q], s.share[q] > 0.5)
