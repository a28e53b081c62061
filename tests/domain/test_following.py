"""One step up or down, in sessions that are hard to come by."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.commands import SetSpeed
from backstride.domain.envelope import Permit, envelope, permit
from backstride.domain.evidence import Evidence
from backstride.domain.following import DESCENT, PACE, QUICK, follow, hold, lower
from backstride.domain.limits import SiteRules
from backstride.domain.session import Control, Cues, Draft, Drive, Phase, Session
from backstride.domain.units import SECOND
from backstride.domain.workout import Effort, Step, flatten, setpoint

NOW = 100_000


@pytest.fixture
def at(make_machine, make_program):
    """A running session that told `target` and sees `speed`, with a cap of 1.5 km/h."""

    def make(target, speed, **changes):
        steps = (Step(effort=Effort.WORK, duration=600_000, speed=150),)
        chosen, known = make_program(steps=steps), make_machine()
        fields = {
            "phase": Phase.RUNNING,
            "now": NOW,
            "epoch": 1,
            "confirmed_epoch": 1,
            "linked": True,
            "machine": known,
            "control": Control.GRANTED,
            "evidence": Evidence(speed=speed, speed_at=None if speed is None else NOW),
            "drive": Drive(target=target, target_at=NOW - 60_000, probed=2),
            "program": chosen,
            "workout": flatten(chosen, 50),
            "envelope": envelope(SiteRules(), known, None, chosen),
            "cues": Cues(segment=0, taken=((0, 0),)),
            "owed": True,
        }
        return Draft(Session(**{**fields, **changes}))

    return make


def asked(draft):
    for order in draft.orders:
        assert isinstance(permit(order.command, 1, order.situation, draft.s.envelope), Permit)
    return [order.command for order in draft.orders]


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("target", "speed", "expected"),
    [
        (150, 150, [SetSpeed(130)]),
        # Above the cap: to the cap at once, and no stop on the way that the gate would refuse.
        (225, 225, [SetSpeed(150)]),
        # Slower than told: what it runs at, and never more.
        (150, 100, [SetSpeed(100)]),
        (150, 119, [SetSpeed(110)]),
        (150, 120, [SetSpeed(130)]),
        # Far below its lowest speed, or standing: any target would be an increase.
        (150, 10, []),
        (150, 0, []),
        (150, 25, [SetSpeed(50)]),
        (150, None, [SetSpeed(130)]),
        (50, 50, []),
    ],
)
def test_a_step_down_is_down_for_the_belt_too(at, target, speed, expected):
    draft = at(target, speed)
    lower(draft, 50, draft.s.envelope, DESCENT, PACE)
    assert expected == asked(draft)


def test_a_large_step_down_waits_until_it_is_no_quicker_than_the_ramp(at):
    late = at(225, 225, drive=Drive(target=225, target_at=NOW - 2_500, probed=2))
    lower(late, 50, late.s.envelope, QUICK, SECOND)
    assert asked(late) == [SetSpeed(150)]
    early = at(225, 225, drive=Drive(target=225, target_at=NOW - 2_499, probed=2))
    lower(early, 50, early.s.envelope, QUICK, SECOND)
    assert asked(early) == []


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("target", "speed", "expected"),
    [
        (100, 100, [SetSpeed(110)]),
        (100, 80, [SetSpeed(110)]),
        (100, 79, []),
        (100, 130, [SetSpeed(110)]),
        (100, 131, []),
        (100, 0, []),
        (100, None, []),
        (150, 150, []),
    ],
)
def test_a_step_up_starts_from_a_belt_that_follows(at, target, speed, expected):
    draft = at(target, speed)
    follow(draft, setpoint(draft.s.workout, 0), draft.s.envelope)
    assert expected == asked(draft)


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(
    ("target", "previous", "speed", "expected"),
    [
        (100, 90, 100, [SetSpeed(90)]),
        (100, 110, 100, [SetSpeed(100)]),
        (100, 100, 60, [SetSpeed(60)]),
        (100, 90, 0, []),
        (40, 40, 40, []),
    ],
)
def test_what_was_not_answered_is_asked_again_at_the_lower_speed(
    at, target, previous, speed, expected
):
    drive = Drive(target=target, previous=previous, target_at=NOW - 9_000, unknowns=1, probed=2)
    draft = at(target, speed, phase=Phase.HOLDING, drive=drive)
    hold(draft)
    assert expected == asked(draft)


@pytest.mark.hazard("H18", "H24")
def test_nothing_is_asked_while_an_answer_is_awaited_or_control_is_lost(at):
    for changes in (
        {"control": Control.ASKED},
        {"control": Control.REFUSED},
        {"drive": Drive(target=100, target_at=0, probed=2, retry_at=NOW + 1)},
    ):
        draft = at(100, 100, **changes)
        follow(draft, setpoint(draft.s.workout, 0), draft.s.envelope)
        hold(replace_phase(draft))
        assert asked(draft) == []


def replace_phase(draft):
    draft.s = replace(draft.s, phase=Phase.HOLDING)
    return draft


def test_without_limits_nothing_is_asked(at):
    draft = at(100, 100, envelope=None, phase=Phase.HOLDING)
    hold(draft)
    assert draft.orders == []
