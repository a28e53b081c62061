"""`simulate`, judged by what it says of the virtual machine's own log."""

import json

import pytest

from backstride.cli.exits import Exit


@pytest.fixture
def simulated(run):
    result = run("simulate", "demo", "--json")
    assert result.code == Exit.OK, result.err
    return json.loads(result.out)


def test_the_demo_completes_within_its_limits(simulated):
    facts = {
        name: simulated[name]
        for name in ("phase", "starts", "stops", "starts_while_moving", "alarms")
    }
    assert facts == {
        "phase": "finished",
        "starts": 3,
        "stops": 3,
        "starts_while_moving": 0,
        "alarms": [],
    }
    assert simulated["top_speed"] <= simulated["cap"]
    assert max(sample["belt"] for sample in simulated["samples"]) == simulated["top_speed"]


def test_a_person_reads_how_it_went(run):
    result = run("simulate", "demo")
    assert (result.code, "finished after 5:2" in result.out, result.err) == (Exit.OK, True, "")
    assert "true belt speed" in result.out


def test_a_refused_program_ends_with_1_and_says_why(run):
    result = run("simulate", "backward-jog")
    assert (result.code, "refused: " in result.out) == (Exit.REFUSED, True)
    assert "a coach unlocks it" in result.out


def test_the_jog_can_be_tried_as_at_a_site_that_unlocked_it(run):
    result = run("simulate", "backward-jog", "--jog", "--json")
    assert (result.code, json.loads(result.out)["cap"]) == (Exit.OK, 6.2)


def test_an_unknown_machine_is_told_with_those_that_there_are(run):
    result = run("simulate", "demo", "--machine", "idael")
    assert (result.code, "there is no machine `idael`; there are citysports," in result.err) == (
        1,
        True,
    )


def test_a_picture_of_the_session_is_drawn(run, tmp_path):
    path = tmp_path / "s.svg"
    assert run("simulate", "demo", "-o", path).code == Exit.OK
    assert path.read_text().count("<path") > 20
