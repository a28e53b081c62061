"""The evidence page says what was found, claims nothing that was not run, and fails below a bar."""

from __future__ import annotations

import json

import pytest

from safety.evidence import run
from safety.evidence.junit import Ran, read
from safety.evidence.page import Origin, as_json, holds, markdown
from safety.evidence.proofs import PROOFS, QUICK, RELEASE, USUAL, judge_hazards
from safety.evidence.section import Bar, Section, number
from safety.hazards.catalogue import load

ORIGIN = Origin(
    commit="abc",
    changed=(),
    at="today",
    size="quick",
    host="here",
    versions={"backstride": "0.1.0"},
)
WELL = Section(
    name="swarm", title="Simulation", command="python -m swarm", claim="2,000 sessions were played.",
    figures={"sessions": 2_000}, bars=(Bar(what="sessions", figure=2_000, at_least=2_000),), seconds=12.4,
)  # fmt: skip
BELOW = Section(
    name="model", title="Model check", command="python -m model", claim="12 states were visited.",
    figures={"states": 12}, bars=(Bar(what="states", figure=12, at_least=300_000),),
)  # fmt: skip
DEAD = Section(name="fuzz", title="Fuzzing", command="python -m fuzz", broken=("it died",))
ABSENT = Section.left_out("mutants", "Mutants", "python -m mutants", "left out by --quick")
DONE = run.Done("pytest", 0, {"report": True}, "", 1.0)
REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_one"><properties>
  <property name="hazards" value="H01 H02"/><property name="figure" value="H09"/></properties></testcase>
<testcase classname="tests.a" name="test_two"><properties>
  <property name="hazards" value="H02"/></properties><failure>no</failure></testcase>
<testcase classname="tests.a" name="test_three"><properties>
  <property name="hazards" value="H03"/></properties><skipped/></testcase>
<testcase classname="tests.a" name="test_four"><error>worse</error></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        (Bar(what="a", figure=3, at_least=3), True),
        (Bar(what="a", figure=2.9, at_least=3), False),
        (Bar(what="a", figure=0, at_most=0), True),
        (Bar(what="a", figure=1, at_most=0), False),
        (Bar(what="a", figure=7, at_least=1, at_most=9), True),
    ],
)
def test_a_bar_holds_up_to_its_own_value(bar, expected):
    assert expected == bar.holds


def test_a_number_is_written_as_people_read_it():
    assert ["1,234,567", "0", "5.1", "3"] == [number(n) for n in (1_234_567, 0, 5.12, 3.0)]


def test_below_a_bar_or_with_a_dead_command_nothing_holds():
    assert [True, False, False] == [holds([each]) for each in (WELL, BELOW, DEAD)]
    assert not holds([WELL, BELOW])
    assert holds([WELL, ABSENT]), "what was not run fails nothing, and claims nothing"


def test_the_page_claims_what_holds_and_nothing_else():
    page = markdown(ORIGIN, [WELL, BELOW, DEAD, ABSENT], load())
    claims = page.partition("## What may be claimed")[2].partition("\n## ")[0]
    assert "2,000 sessions were played." in claims
    assert "12 states" not in claims
    assert "Mutants" not in claims
    assert "not run: left out by --quick" in page
    assert "**Something is below its bar:** Model check, Fuzzing." in page
    assert "states 12, at least 300,000" in page
    assert "it died" in page


def test_the_page_says_what_remains_of_every_hazard():
    page = markdown(ORIGIN, [WELL], load())
    assert [] == [hazard.id for hazard in load().hazard if hazard.residual not in page]
    assert [] == [hazard.id for hazard in load().hazard if hazard.weak not in page]


def test_no_release_may_claim_what_is_no_commit():
    changed = Origin(**{**as_dict(ORIGIN), "changed": ("src/a.py",)})
    assert "No release may claim this" in markdown(changed, [WELL], load())
    assert "No release may claim this" not in markdown(ORIGIN, [WELL], load())


def as_dict(origin):
    return {name: getattr(origin, name) for name in origin.__struct_fields__}


def test_the_json_says_the_same():
    told = json.loads(as_json(ORIGIN, [WELL, BELOW, ABSENT], load()))
    assert (False, False) == (told["holds"], told["complete"])
    assert ["holds", "FAILS", "not run"] == [each["verdict"] for each in told["sections"]]
    assert 2_000 == told["sections"][0]["figures"]["sessions"]
    assert {hazard.id for hazard in load().hazard} == set(told["residual_risks"])


def test_the_report_of_pytest_is_read():
    assert Ran(
        passed=1,
        skipped=1,
        failed=("tests.a::test_two", "tests.a::test_four"),
        proven={"H01": 1, "H02": 1},
        refuted={"H02": 1},
    ) == read(REPORT)


def test_a_hazard_is_covered_by_what_passed_and_nothing_refuted():
    every = [hazard.id for hazard in load().hazard]
    well = judge_hazards(load(), Ran(99, 0, (), dict.fromkeys(every, 3), {}), DONE)
    assert (len(every), [], True) == (
        well.figures["covered"],
        well.figures["uncovered"],
        well.holds,
    )
    proven = dict.fromkeys(every[1:], 3)
    ill = judge_hazards(load(), Ran(99, 0, (), proven, {"H02": 1}), DONE)
    assert (["H01", "H02"], False) == (ill.figures["uncovered"], ill.holds)


def test_the_last_line_that_is_json_is_what_a_command_said():
    assert {"states": 3} == run.last_json('{"old": 1}\nwords\n{"states": 3}\nand a warning\n')
    assert {} == run.last_json("nothing\n{not json\n")


def test_a_command_that_dies_is_a_failure_and_not_a_gap():
    done = run.Done("python -m x", 2, {}, "Traceback\nBoom", 1.0)
    assert ("`python -m x` ended with 2 and no figures: Traceback\nBoom",) == done.trouble


def test_a_command_that_takes_too_long_is_given_up():
    done = run.module("safety.evidence.section", limit=0.001)
    assert (-1, {}) == (done.code, done.data)
    assert "not done after" in done.trouble[0]


@pytest.mark.parametrize("name", ["safety.model", "safety.swarm", "safety.fuzz"])
def test_the_commands_that_are_there_are_found(name):
    assert run.exists(name)
    assert not run.exists("safety.nothing")


def test_a_quick_run_tells_of_every_proof_that_it_leaves_out():
    assert ["model_variants", "variants", "mutants"] == [
        name for name in ("model_variants", "variants", "mutants") if not PROOFS[name](QUICK).ran
    ]
    assert QUICK.sessions < USUAL.sessions < RELEASE.sessions
