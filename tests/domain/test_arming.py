"""What an arming and a confirm need, each at its limit, and all that they change."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.arming import Refused, confirm, require, start
from backstride.domain.bounds import envelope
from backstride.domain.envelope import FRESH
from backstride.domain.events import Ask, Ownership, Request
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Cause
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart
from backstride.domain.notices import Cue, CueKind, Moved
from backstride.domain.session import Control, Cues, Draft, Drive, Phase, Session, Then
from backstride.domain.workout import Effort, Facing, Step, Turn, flatten

NOW = 500_000
STEPS = (
    Step(effort=Effort.WARMUP, duration=60_000, speed=100),
    Turn(to=Facing.BACKWARD),
    Step(effort=Effort.WORK, duration=90_000, speed=120, incline=25),
)
CAREFUL = Caps(reason="a first walk", speed=120)
RECORD = Ownership(fingerprint="bench", program="x", target=100, distance=0, elapsed=0)


@pytest.fixture
def chosen(make_program):
    return make_program(steps=STEPS, max_incline=30)


@pytest.fixture
def rested(make_machine):
    """After a session on which nothing was left as it began; the belt was seen at 0, just in time."""
    return Session(
        phase=Phase.FINISHED, since=NOW - 90_000, now=NOW, epoch=3, linked=True, bus=True,
        machine=make_machine(), walker=CAREFUL, control=Control.GRANTED, control_asks=1,
        evidence=Evidence(speed=0, speed_at=NOW - FRESH, incline=0),
        outage=1, gap=2, script=3, trim=4, top_speed=5, walked=6, asked_at=7, ended_by="completed",
        facing=Facing.BACKWARD, holds=(Cause.STALE,), start_granted=True, then=Then.PAUSE, paused=True,
    )  # fmt: skip


@pytest.fixture
def armed(rested, chosen):
    """Within the last moment of the confirm window."""
    return replace(
        rested, phase=Phase.ARMED, since=NOW - 44_999, program=chosen, workout=flatten(chosen, 50),
        envelope=envelope(SiteRules(), rested.machine, CAREFUL, chosen), script=0,
        drive=Drive(target=90, incline=5, probed=2), cues=Cues(number=4, seconds=2),
        start_granted=False,
    )  # fmt: skip


def asked(act, session, program=None):
    """The answer, the session and what was said; or the code of the refusal, which changes nothing."""
    draft = Draft(session)
    try:
        answer = act(draft, Request(at=NOW, id="r", ask=Ask.START, program=program))
    except Refused as refused:
        assert (session, []) == (draft.s, draft.notices)
        return refused.code, draft.s, draft.notices
    return answer, draft.s, draft.notices


def code(act, session, program=None):
    answer, _, _ = asked(act, session, program)
    return answer if isinstance(answer, str) else answer[0]


# --- what both need ----------------------------------------------------------------------------------


def belt(**changes):
    return lambda s: replace(s, evidence=replace(s.evidence, **changes))


def other(**changes):
    return lambda s: replace(s, **changes)


NEEDS = {
    "a service that stays": (other(ending=True), "shutting_down"),
    "a machine": (other(machine=None), "no_machine"),
    "the machine of the configuration": (other(bound="another"), "wrong_machine"),
    "no debt of an earlier life": (other(adopted=RECORD), "recovering"),
    "a fresh speed": (belt(speed_at=NOW - FRESH - 1), "no_telemetry"),
    "any speed": (belt(speed=None, speed_at=None), "no_telemetry"),
    "a belt at rest": (belt(speed=1), "belt_moving"),
    "a broker": (other(bus=False), "no_broker"),
    "a slope that is known": (belt(incline=None), "incline"),
    "no slope downwards": (belt(incline=-1), "incline"),
    "no slope above the limit": (belt(incline=31), "incline"),
}
MAY = {
    "the bound machine": other(bound="bench"),
    "a slope at the limit": belt(incline=30),
}


@pytest.mark.hazard("H01", "H08", "H12", "H19")
@pytest.mark.parametrize(("changed", "expected"), NEEDS.values(), ids=NEEDS)
def test_without_it_nothing_is_armed_and_nothing_confirmed(
    rested, armed, chosen, changed, expected
):
    assert expected == code(start, changed(rested), chosen)
    assert expected == code(confirm, changed(armed))


@pytest.mark.parametrize("changed", MAY.values(), ids=MAY)
def test_with_it_all_is_well(rested, armed, chosen, changed):
    assert (code(start, changed(rested), chosen), code(confirm, changed(armed))) == (
        "armed",
        "countdown",
    )


@pytest.mark.hazard("H12")
def test_a_program_that_may_be_alone_needs_no_broker(rested, armed, make_program):
    alone = make_program(unsupervised=True)
    assert code(start, replace(rested, bus=False), alone) == "armed"
    assert code(confirm, replace(armed, bus=False, program=alone)) == "countdown"
    assert code(confirm, replace(armed, bus=False, program=None)) == "no_broker"


def test_a_phase_that_is_not_named_is_refused():
    idle = Session(phase=Phase.IDLE)
    assert require(idle, Phase.ARMED, Phase.IDLE) is None
    with pytest.raises(Refused, match="not while idle; this works while armed or faulted"):
        require(idle, Phase.ARMED, Phase.FAULTED)


# --- an arming ---------------------------------------------------------------------------------------


def test_an_arming_begins_anew_and_is_stated(rested, chosen):
    answer, after, notices = asked(start, rested, chosen)
    statement = (
        "Bench: 2:30 min, at most 1.2 km/h, up to 2.5 % incline, 1 turn. Stand on the side rails, clip on"
        " your waistband, 2 m free behind the belt, and confirm within 45 s."
    )
    assert ("armed", statement) == answer
    assert replace(
        rested, phase=Phase.ARMED, since=NOW, selected=chosen, program=chosen,
        workout=flatten(chosen, 50),
        envelope=envelope(SiteRules(), rested.machine, CAREFUL, chosen),
        outage=0, gap=0, script=0, trim=0, top_speed=0, walked=0, asked_at=None, ended_by=None,
        facing=Facing.FORWARD, holds=(), start_granted=False, then=Then.FINISH, paused=False,
        cues=Cues(number=1),
    ) == after  # fmt: skip
    assert [
        Moved(at=NOW, before="finished", after="armed", trigger="arm"),
        Cue(
            at=NOW,
            number=1,
            kind=CueKind.ARMED,
            text=statement,
            speed=120,
            incline=25,
            length=150_000,
            note="Bench",
        ),
    ] == notices


def test_an_arming_again_has_its_whole_time_again(armed, chosen):
    _, after, _ = asked(start, replace(armed, since=NOW - 40_000), chosen)
    assert (Phase.ARMED, NOW) == (after.phase, after.since)


@pytest.mark.parametrize(
    ("control", "asks", "expected"),
    [
        (Control.REFUSED, 2, (Control.NONE, 0)),
        (Control.NONE, 1, (Control.NONE, 0)),
        (Control.ASKED, 1, (Control.ASKED, 1)),
        (Control.GRANTED, 2, (Control.GRANTED, 2)),
    ],
)
def test_with_a_new_arming_a_refused_control_is_asked_for_anew(
    rested, chosen, control, asks, expected
):
    _, after, _ = asked(start, replace(rested, control=control, control_asks=asks), chosen)
    assert expected == (after.control, after.control_asks)


@pytest.mark.parametrize("named", [True, False])
def test_the_program_that_is_named_goes_before_the_selected_one(rested, make_program, named):
    selected, wanted = make_program(id="selected"), make_program(id="named")
    _, after, _ = asked(start, replace(rested, selected=selected), wanted if named else None)
    expected = wanted if named else selected
    assert (expected, expected) == (after.program, after.selected)


@pytest.mark.parametrize(("duration", "expected"), [(1, "armed"), (0, "bad_program")])
def test_each_step_takes_time(rested, make_program, duration, expected):
    steps = (STEPS[0], Step(effort=Effort.WORK, duration=duration, speed=100))
    assert expected == code(start, rested, make_program(steps=steps))
    assert code(start, rested, make_program(steps=())) == "bad_program"


# --- a confirm ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("belt_start", list(BeltStart))
def test_a_confirm_is_for_this_connection_and_one_start(armed, make_machine, belt_start):
    machine = make_machine(belt_start=belt_start)
    later = replace(armed, machine=machine, script=60_000, facing=Facing.FORWARD)
    answer, after, notices = asked(confirm, later)
    assert ("countdown", "the belt starts in 10 s; Stop works at any time") == answer
    assert replace(
        later, phase=Phase.COUNTDOWN, since=NOW, start_granted=belt_start is BeltStart.REMOTE,
        confirmed_epoch=3, facing=Facing.BACKWARD, drive=Drive(incline=5), holds=(), paused=False,
        then=Then.FINISH, outage=0, gap=0, cues=Cues(number=4),
    ) == after  # fmt: skip
    assert [Moved(at=NOW, before="armed", after="countdown", trigger="confirm")] == notices


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"since": NOW - 45_000}, "too_late"),
        ({"phase": Phase.TURNING, "since": NOW - 45_000}, "countdown"),
        ({"phase": Phase.HOLDING, "since": NOW - 45_000}, "countdown"),
        ({"phase": Phase.TURNING, "owed": True}, "nothing_to_confirm"),
        ({"phase": Phase.HOLDING, "owed": True}, "nothing_to_confirm"),
        ({"phase": Phase.FINISHED}, "nothing_to_confirm"),
        ({"phase": Phase.COUNTDOWN}, "nothing_to_confirm"),
        ({"control": Control.REFUSED, "control_asks": 1}, "countdown"),
        ({"control": Control.REFUSED, "control_asks": 2}, "no_control"),
        ({"control": Control.REFUSED, "control_asks": 3}, "no_control"),
        ({"control": Control.ASKED, "control_asks": 2}, "countdown"),
        ({"workout": None}, "no_program"),
        ({"envelope": None}, "no_program"),
    ],
)
def test_a_confirm_is_in_time_of_something_with_control(armed, changes, expected):
    assert expected == code(confirm, replace(armed, **changes))


@pytest.mark.hazard("H26")
def test_a_confirm_may_name_the_armed_program_and_no_other(armed, chosen, make_program):
    another = make_program(id="another")
    assert code(confirm, armed, chosen) == "countdown"
    assert code(confirm, armed, another) == "other_program"
    assert code(confirm, replace(armed, program=None), another) == "countdown"
