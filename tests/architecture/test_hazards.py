"""Hazards, code, tests and pages agree: what a row promises is there, and what is there is in a row."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from safety.hazards.catalogue import find, load, source_of
from safety.hazards.coverage import Proof, collect, complaints, read
from safety.hazards.page import PAGE, README, page, remainder, with_remainder

REMEDY = "run: make format, or .venv/bin/python -m safety.hazards"


@pytest.fixture(scope="module")
def catalogue():
    return load()


@pytest.fixture(scope="module")
def proofs():
    return collect()


def test_every_hazard_has_its_tests_and_its_code_and_no_test_names_another(catalogue, proofs):
    assert [] == complaints(catalogue, proofs)


def test_the_hazards_are_numbered_without_a_gap(catalogue):
    numbers = [hazard.id for hazard in catalogue.hazard]
    assert [f"H{number:02}" for number in range(1, len(numbers) + 1)] == numbers
    assert len(numbers) >= 29


def test_what_is_open_is_listed(catalogue):
    """A hazard without a test must say why, and whoever adds one looks at this line."""
    assert [] == [hazard.id for hazard in catalogue.hazard if hazard.open]


def test_every_kind_of_proof_is_explained(catalogue):
    assert set(catalogue.kinds.values()) == set(catalogue.meaning)


def test_safety_md_is_what_the_hazards_make_of_it(catalogue, proofs):
    assert PAGE.read_text("utf-8") == page(catalogue, proofs), REMEDY


def test_what_remains_in_the_readme_is_what_the_hazards_make_of_it(catalogue):
    text = README.read_text("utf-8")
    assert text == with_remainder(text, remainder(catalogue)), REMEDY


def test_a_readme_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="lacks"):
        with_remainder("# Backstride\n", "")


def test_a_mark_goes_for_a_test_a_class_or_a_whole_file():
    source = """
import pytest
pytestmark = [pytest.mark.slow, pytest.mark.hazard("H01")]
def helper(): pass
def test_plain(): pass
@pytest.mark.hazard("H02", "H03")
async def test_own(): pass
@pytest.mark.hazard("H04")
class TestMany:
    def test_inner(self): pass
"""
    assert [
        Proof("f.py::test_plain", ("H01",)),
        Proof("f.py::test_own", ("H01", "H02", "H03")),
        Proof("f.py::TestMany::test_inner", ("H01", "H04")),
    ] == list(read("f.py", source))


def test_the_longest_place_says_of_which_kind_a_test_is(catalogue):
    assert "rule" == catalogue.kind_of("tests/mqtt/test_commands.py::test_a")
    assert "broker" == catalogue.kind_of("tests/mqtt/test_rules.py::test_a")
    assert "" == catalogue.kind_of("tests/elsewhere/test_a.py::test_a")


BROKEN = {
    "it is there twice": (lambda h: (h, h), "H01 is there twice"),
    "no test": (
        lambda h: (replace(h, id="H99", proof=()),),
        "H99 has no test, and does not say why",
    ),
    "a kind is missing": (
        lambda h: (replace(h, proof=("recording",)),),
        "H01 has no test of the kind 'recording'",
    ),
    "its code is gone": (
        lambda h: (replace(h, rules=("backstride.domain.arming.gone",)),),
        "backstride.domain.arming.gone: backstride.domain.arming has no gone",
    ),
    "its module is gone": (
        lambda h: (replace(h, rules=("backstride.domain.nowhere.at_all",)),),
        "backstride.domain.nowhere.at_all: backstride.domain has no nowhere",
    ),
    "it names no code": (lambda h: (replace(h, rules=()),), "H01 names no code that answers it"),
    "nothing remains": (lambda h: (replace(h, residual=""),), "H01 does not say what remains"),
    "it is called open": (
        lambda h: (replace(h, open="nobody dared"),),
        "H01 is called open, and has tests",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_row_is_refused_when(what, catalogue, proofs):
    change, sentence = BROKEN[what]
    broken = replace(catalogue, hazard=change(catalogue.hazard[0]))
    assert sentence in complaints(broken, proofs)


def test_a_test_that_names_no_hazard_of_ours_is_refused(catalogue, proofs):
    stray = Proof("tests/domain/test_a.py::test_b", ("H77",))
    assert f"{stray.test} names H77, which is no hazard" in complaints(catalogue, (*proofs, stray))


def test_a_rule_is_found_whether_module_function_method_or_constant():
    assert "backstride.domain.envelope" == find("backstride.domain.envelope").__name__
    assert "src/backstride/domain/envelope.py" == source_of("backstride.domain.envelope.DEADLINE")
    assert "src/backstride/domain/limits.py" == source_of("backstride.domain.limits.Limit.tighten")
    with pytest.raises(LookupError):
        find("nothing.of.this.name")
