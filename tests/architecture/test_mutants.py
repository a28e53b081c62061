"""The mutator makes what it says, and what was accepted is still there to be accepted."""

from __future__ import annotations

import ast

import pytest

from safety.mutants.__main__ import accepted
from safety.mutants.operators import changes
from safety.mutants.plan import FILES, compiled, diff, mutants


@pytest.mark.parametrize("module", FILES)
def test_each_mutant_is_another_module_that_compiles(module):
    made = mutants(module)
    assert len(made) > 10
    for mutant in made[::61]:
        assert compiled(mutant) is not None
        assert diff(mutant) != ""


def test_what_is_accepted_is_still_there_and_has_a_reason():
    known = {mutant.key for module in FILES for mutant in mutants(module)}
    assert set() == set(accepted()) - known
    assert all(reason.endswith(".") for reason in accepted().values())


def defects(text):
    node = ast.parse(text).body[0]
    inner = node.value if isinstance(node, ast.Expr) else node
    return [ast.unparse(other) for _, other in changes(inner)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", ["a <= b", "a >= b"]),
        ("a == b", ["a != b"]),
        ("a and b", ["a or b", "b", "a"]),
        ("not a", ["a"]),
        ("a + b", ["a - b"]),
        ("7", ["8", "6"]),
        ("True", ["False"]),
        ("min(a, b)", ["max(a, b)"]),
        ("d.set(a=1, b=2)", ["d.set(b=2)", "d.set(a=1)"]),
        ("{a, b}", ["{b}", "{a}"]),
        ("Action.HOLD", ["Action.SLOW_DOWN"]),
        ("Phase.FAULTED", ["Phase.OFFLINE"]),
    ],
)
def test_an_operator_makes_its_defects(text, expected):
    assert expected == defects(text)
