"""The mutator makes what it says, and what was accepted is still there to be accepted."""

from __future__ import annotations

import ast

import pytest

from safety.mutants.__main__ import accepted, main, survivors, unneeded
from safety.mutants.operators import changes
from safety.mutants.plan import FILES, compiled, diff, mutants
from safety.mutants.run import Verdict


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


def test_an_excuse_that_nobody_needs_is_found_when_the_whole_core_was_judged():
    whole = [mutant for module in FILES for mutant in mutants(module)]
    one, other = whole[0], whole[-1]
    verdicts = [Verdict(m, "survived" if m is one else "killed", "", 0.0) for m in whole]
    reasons = {one.key: "It is the same.", other.key: "It was the same."}
    assert [other.key] == unneeded(verdicts, reasons)
    assert [] == unneeded(verdicts[:-1], reasons)
    assert [] == survivors(verdicts, reasons)
    assert [one] == [verdict.mutant for verdict in survivors(verdicts, {})]


def test_without_a_commit_to_compare_with_it_says_so_and_is_content(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["mutants", "--changed", "no-such-commit"])
    assert main() == 0
    expected = "nothing was judged: there is no commit no-such-commit here to compare with\n"
    assert expected == capsys.readouterr().out
