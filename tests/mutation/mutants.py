"""Every mutant of the code of the limit maps: one operator, function, constant or branch changed, one at a time.

The kinds are those of the formulas (``theory.proof.mutations``) and those that only code has:

| part                | mutants                                                                               |
|---------------------|---------------------------------------------------------------------------------------|
| relation            | strict ↔ non-strict, == ↔ !=, is ↔ is not, in ↔ not in, and the other direction        |
| sum, difference     | + ↔ −                                                                                 |
| product, quotient   | * ↔ /, // → *, the first factor of a product squared                                   |
| power               | ** → *                                                                                |
| number              | one more, one less; True ↔ False                                                      |
| π                   | 3                                                                                     |
| functions           | sin ↔ cos, minimum ↔ maximum, min ↔ max, any ↔ all                                    |
| logic               | & ↔ \\|, and ↔ or; −, ~ and not left out; a condition that is not a relation negated     |
| branches            | np.where and … if … else … with their branches exchanged                               |

Messages of errors, annotations and docstrings are left alone. A mutant is named by its function, its line of source and what
was changed there, so that its name outlives changes elsewhere.
"""

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

__all__ = ["Mutant", "compiled", "digest", "mutants"]

RELATIONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {"sin": "cos", "minimum": "maximum", "min": "max", "any": "all"}
NAMES |= {new: old for old, new in NAMES.items()}


@dataclass(frozen=True)
class Mutant:
    """The ``index``-th change of the functions named in a module."""

    index: int
    name: str
    line: int


def mutants(source: str, functions: frozenset[str]) -> list[Mutant]:
    """All mutants of these top-level functions, classes' methods ("Class.method") and variables of a module.

    >>> [m.name for m in mutants("def f(x):\\n    return x < 2", frozenset({"f"}))]
    ['f: return x < 2: x < 2 → x <= 2', 'f: return x < 2: x < 2 → x > 2', 'f: return x < 2: 2 → 3', 'f: return x < 2: 2 → 1']
    """
    lines, seen, found = source.splitlines(), Counter[str](), []
    for index, (where, old, new) in enumerate(_changes(ast.parse(source), functions)):
        line = lines[old.lineno - 1].partition("  #")[0].strip()
        name = f"{where}: {line}: {_short(old)} → {_short(new)}"
        seen[name] += 1
        found.append(Mutant(index, name if seen[name] == 1 else f"{name} ({seen[name]})", old.lineno))
    return found


def compiled(source: str, functions: frozenset[str], index: int, path: Path) -> CodeType:
    """The code of the whole module with one mutant in it."""
    tree = ast.parse(source)
    for number, (_, old, new) in enumerate(_changes(tree, functions)):
        if number == index:
            changed: Any = ast.fix_missing_locations(_Replace(old, new).visit(tree))
            return compile(changed, str(path), "exec", dont_inherit=True)
    raise ValueError(f"There is no mutant {index} of {', '.join(sorted(functions))}.")


def digest(source: str, functions: frozenset[str]) -> str:
    """Twelve hex digits that change when the code of these functions does, not when comments or docstrings do."""
    text = "\n".join(f"{where} {ast.dump(_bare(part))}" for where, part in _parts(ast.parse(source), functions))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(self.new, node) if node is self.old else self.generic_visit(node)


def _parts(tree: ast.Module, functions: frozenset[str]) -> Iterator[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for part in tree.body:
        if isinstance(part, ast.ClassDef):
            found += [(f"{part.name}.{f.name}", f) for f in part.body if isinstance(f, ast.FunctionDef)]
        elif isinstance(part, ast.FunctionDef):
            found.append((part.name, part))
        elif isinstance(part, ast.Assign | ast.AnnAssign):
            target = part.targets[0] if isinstance(part, ast.Assign) else part.target
            found.append((ast.unparse(target), part))
    missing = functions - {where for where, _ in found}
    if missing:
        raise ValueError(f"Not found in the module: {', '.join(sorted(missing))}.")
    return ((where, part) for where, part in found if where in functions)


def _bare(node: ast.AST) -> ast.AST:
    """Without docstrings."""
    node = copy.deepcopy(node)
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef) and ast.get_docstring(part) is not None:
            part.body = part.body[1:]
    return node


def _changes(tree: ast.Module, functions: frozenset[str]) -> Iterator[tuple[str, ast.expr | ast.stmt, ast.AST]]:
    for where, part in _parts(tree, functions):
        for node in _nodes(part):
            for new in _altered(node):
                yield where, node, new  # type: ignore[misc]


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but messages, annotations and decorators, in the order of the source."""
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    left_out: tuple[str, ...] = ("annotation", "returns", "decorator_list")
    for field, value in ast.iter_fields(node):
        if field not in left_out:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _nodes(child)


def _altered(node: ast.AST) -> Iterator[ast.AST]:
    """Every change of this node itself."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for other in RELATIONS[type(op)]:
                yield _with(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        if type(node.op) in OPERATORS:
            yield _with(node, op=OPERATORS[type(node.op)]())
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and not _is_product(node.left):
            yield _with(node, left=ast.BinOp(node.left, ast.Mult(), node.left))
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int | float):
            yield from (ast.Constant(node.value + 1), ast.Constant(node.value - 1))
    elif isinstance(node, ast.Attribute) and node.attr == "pi":
        yield ast.Constant(3)
    elif isinstance(node, ast.Call):
        yield from _altered_call(node)
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)


def _altered_call(node: ast.Call) -> Iterator[ast.AST]:
    called = node.func
    if isinstance(called, ast.Attribute) and called.attr in NAMES:
        yield _with(node, func=_with(called, attr=NAMES[called.attr]))
    elif isinstance(called, ast.Name) and called.id in NAMES:
        yield _with(node, func=ast.Name(NAMES[called.id], ast.Load()))
    if isinstance(called, ast.Attribute) and called.attr == "where" and len(node.args) == 3:
        yield _with(node, args=[node.args[0], node.args[2], node.args[1]])


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)


def _with(node: Any, **fields: object) -> Any:
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).splitlines()[0]
    return text if len(text) <= 60 else f"{text[:57]}…"
