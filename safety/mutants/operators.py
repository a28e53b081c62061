"""What can be wrong with one node of a syntax tree: each operator names its defect and makes it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Final

type Change = tuple[str, ast.AST]
"""What was done, and the node that takes the place of the original."""

_FLIPS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
ENUMS: Final = {
    "Action": ("ANNOUNCE", "HOLD", "SLOW_DOWN", "STOP", "HAND_OVER"),
    "Phase": (
        *("OFFLINE", "IDLE", "ARMED", "COUNTDOWN", "STARTING", "RUNNING", "TURNING", "HOLDING"),
        *("SLOWING", "STOPPING", "FINISHED", "HANDED_OVER", "FAULTED"),
    ),
    "Control": ("NONE", "ASKED", "GRANTED", "ASSUMED", "REFUSED"),
    "Then": ("FINISH", "PAUSE", "TURN", "FAULT"),
    "Verdict": ("CONFIRMED", "REJECTED", "UNKNOWN"),
    "Layer": ("HARD", "SITE", "MACHINE", "WALKER", "PROFILE"),
    "Level": ("BEGINNER", "LOCKED"),
    "Facing": ("FORWARD", "BACKWARD"),
    "BeltStart": ("CONSOLE", "REMOTE"),
    "Rule": ("TOO_FAST", "STALE"),
    "Cause": ("STALE", "CONSOLE"),
    "Trigger": ("STOP", "SLOW", "FAULT", "STILL", "HAND_OVER", "DISARM"),
}
"""Members that take each other's place: the next in the list, or the first for one that is not listed."""
_STATE_CALLS: Final = frozenset({"replace", "set", "drive", "move", "Situation", "Drive"})
"""Calls whose keywords are fields of the state: one left out is a field that keeps its old value."""
_EXCHANGED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changes(node: ast.AST) -> Iterator[Change]:  # noqa: C901, PLR0912  one case an operator is the point
    """Every defect of this one node."""
    match node:
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp():
            yield from _connections(node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "without not", operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "without minus", operand
        case ast.BinOp():
            if other := _ARITHMETIC.get(type(node.op)):
                yield f"{_sign(node.op)} -> {_sign(other())}", _with(node, op=other())
        case ast.Constant():
            yield from _constants(node)
        case ast.If() | ast.IfExp():
            for value in (False, True):
                yield f"if {value}", _with(node, test=ast.Constant(value))
        case ast.comprehension() if node.ifs:
            yield "comprehension without if", _with(node, ifs=[])
        case ast.Call():
            yield from _calls(node)
        case ast.Expr(value=ast.Call()):
            yield "call left out", ast.Pass()
        case ast.Return():
            yield from _returns(node)
        case ast.Set() | ast.Tuple() | ast.Dict():
            yield from _members(node)
        case ast.Attribute(value=ast.Name(id=enum), attr=member) if enum in ENUMS:
            members = ENUMS[enum]
            place = members.index(member) if member in members else -1
            other = members[(place + 1) % len(members)]
            yield f"{enum}.{member} -> {other}", _with(node, attr=other)
        case _:
            return


def _with(node: ast.AST, **fields: object) -> ast.AST:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _sign(operator: ast.AST) -> str:
    return type(operator).__name__


def _comparisons(node: ast.Compare) -> Iterator[Change]:
    for place, operator in enumerate(node.ops):
        for other in _FLIPS[type(operator)]:
            ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield f"{_sign(operator)} -> {other.__name__}", _with(node, ops=ops)


def _connections(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield f"{_sign(node.op)} -> {_sign(other)}", _with(node, op=other)
    for place, operand in enumerate(node.values):
        rest = node.values[:place] + node.values[place + 1 :]
        kept = rest[0] if len(rest) == 1 else _with(node, values=rest)
        yield f"without {ast.unparse(operand)}", kept


def _constants(node: ast.Constant) -> Iterator[Change]:
    match node.value:
        case bool(value):
            yield f"{value} -> {not value}", ast.Constant(not value)
        case int(value):
            for other in (value + 1, value - 1):
                yield f"{value} -> {other}", ast.Constant(other)
        case _:
            return


def _calls(node: ast.Call) -> Iterator[Change]:
    if isinstance(node.func, ast.Name):
        if other := _EXCHANGED.get(node.func.id):
            yield f"{node.func.id} -> {other}", _with(node, func=ast.Name(other, ast.Load()))
        if node.func.id == "abs":
            yield "without abs", node.args[0]
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name not in _STATE_CALLS:
        return
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None and (name != "Situation"):
            rest = node.keywords[:place] + node.keywords[place + 1 :]
            yield f"without {keyword.arg}=", _with(node, keywords=rest)


def _returns(node: ast.Return) -> Iterator[Change]:
    plain = node.value is None or (
        isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool | None)
    )
    if not plain:
        yield "return None", _with(node, value=ast.Constant(None))
    if isinstance(node.value, ast.Compare | ast.BoolOp | ast.Name):
        yield "return True", _with(node, value=ast.Constant(value=True))


def _members(node: ast.Set | ast.Tuple | ast.Dict) -> Iterator[Change]:
    if isinstance(node, ast.Dict):
        for place, key in enumerate(node.keys):
            keys, values = list(node.keys), list(node.values)
            del keys[place], values[place]
            yield (
                f"without {ast.unparse(key) if key else '**'}",
                _with(node, keys=keys, values=values),
            )
        return
    if isinstance(node, ast.Tuple) and not isinstance(node.ctx, ast.Load):
        return
    if len(node.elts) < 2 and isinstance(node, ast.Set):
        return
    for place, member in enumerate(node.elts):
        rest = node.elts[:place] + node.elts[place + 1 :]
        yield f"without {ast.unparse(member)}", _with(node, elts=rest)
