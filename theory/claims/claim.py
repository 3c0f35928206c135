"""A claim: its statement in words and as formulas, hypotheses, source, proof, closed forms, and what must be refused."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..proof.flows import Group, Node, Path
from ..proof.logic import Fact, Formula

__all__ = ["OURS", "PAPER", "Claim", "Falsehood", "Part", "proof_of"]

PAPER, OURS = "Gadhikar & Burkholz, ICLR 2024", "this project"

Part = Node | Path


@dataclass(frozen=True)
class Falsehood:
    """A false variant of a claim, named by hand: none of its facts may all be proved. ``build`` gives the variant's proof."""

    words: str
    build: Callable[[], tuple[Part, ...]]


@dataclass(frozen=True)
class Claim:
    """A statement with its hypotheses, its source and its proof.

    ``starts`` ⟹ ``ends`` is the statement as formulas: of initial values and of limits for a flow, else pointwise.
    ``build`` makes the proof anew: facts for the engines, paths of a flow, groups. ``closed_forms`` names the functions of
    ``theory`` that compute what was proved, ``test`` the falsification test, ``false`` the variants that must be refused.
    """

    id: str
    title: str
    statement: str
    source: str
    build: Callable[[], tuple[Part, ...]]
    hypotheses: tuple[str, ...] = ()
    starts: tuple[Formula, ...] = ()
    ends: tuple[Formula, ...] = ()
    closed_forms: tuple[str, ...] = ()
    false: tuple[Falsehood | Fact, ...] = ()
    assumes: tuple[str, ...] = field(default=())
    """What the proof takes from analysis or from another claim, in words; e.g. ``("T3",)``."""

    @property
    def proof(self) -> Group:
        """The tree of obligations."""
        return proof_of(self.id, *self.build())

    @property
    def test(self) -> str:
        """The file of its falsification test."""
        return f"tests/theory/claims/test_{self.id.rstrip('abc')}.py"


def proof_of(words: str, *parts: Part) -> Group:
    """Facts, steps, groups and paths under one heading."""
    return Group(words, tuple(p.proof if isinstance(p, Path) else p for p in parts))
