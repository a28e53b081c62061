"""Who and what a command names, resolved on its way in."""

from __future__ import annotations

import json

import pytest

from backstride.domain.events import Ask
from backstride.domain.units import KMH, MINUTE
from backstride.domain.walker import Walker
from backstride.domain.workout import Effort, Facing, Level, Program, Step
from backstride.mqtt.commands import Accepted, Desk, Moment
from backstride.mqtt.decode import Inbound
from backstride.mqtt.people import NobodyError, NoPlanError

BOOT = "9f86d081"
NOW = 1_800_000_000_000
ANNA = Walker(id="anna", name="Anna")
OLA = Walker(id="ola", name="Ola")


def program(name):
    step = Step(effort=Effort.WORK, duration=MINUTE, speed=1 * KMH)
    return Program(
        id=name, name=name, goal="", level=Level.BEGINNER, facing=Facing.BACKWARD,
        max_speed=1 * KMH, steps=(step,),
    )  # fmt: skip


class Household:
    """Anna has a plan, Ola has none today; Anna was chosen, unless `chosen` says otherwise."""

    def __init__(self):
        self.chosen = ANNA
        self.chose = None

    def find(self, walker):
        known = {"anna": ANNA, "ola": OLA}
        if walker not in known:
            raise NobodyError(f"nobody here has the id {walker!r}")
        return known[walker]

    def present(self):
        return None if self.chosen is None else self.find(self.chosen.id)

    def selected(self):
        return self.chose

    def today(self, walker):
        if walker is not ANNA:
            raise NoPlanError("choose a walker first" if walker is None else "tomorrow again")
        return program("plan-2-1")


@pytest.fixture
def house():
    return Household()


@pytest.fixture
def judge(house):
    programs = {"hill": program("hill")}
    desk = Desk(programs=programs.get, phase=lambda: "idle", boot=BOOT, people=house)

    def judge(command, **fields):
        note = {
            "v": 1,
            "id": f"{command}-{len(fields)}-{fields}"[:60],
            "command": str(command),
            **fields,
        }
        note["id"] = "".join(c for c in note["id"] if c.isascii() and c.isalnum())
        payload = json.dumps({**note, "ts": NOW, "boot": BOOT}).encode()
        inbound = Inbound(topic="command", payload=payload, size=len(payload))
        return desk.judge(inbound, Moment(1, NOW, True))

    judge.desk = desk
    return judge


def request(judgement):
    assert isinstance(judgement, Accepted), judgement
    return judgement.request


def code(judgement):
    assert not isinstance(judgement, Accepted)
    return judgement.answer.code


def test_a_walker_is_found_by_their_id(judge):
    assert ANNA == request(judge(Ask.WALKER, walker="anna")).walker
    assert request(judge(Ask.WALKER)).walker is None


@pytest.mark.parametrize("name", ["nemo", "", "Anna Ås", "x" * 99])
def test_somebody_who_is_not_known_is_refused(judge, name):
    assert "no_walker" == code(judge(Ask.WALKER, walker=name))
    assert "no_walker" == code(judge(Ask.START, walker=name, program="hill"))


def test_a_walker_goes_with_start_and_walker_only(judge):
    assert "bad_value" == code(judge(Ask.PAUSE, walker="anna"))
    assert "bad_value" == code(judge(Ask.CONFIRM, walker="anna"))


@pytest.mark.hazard("H26")
def test_a_start_carries_whoever_walks_as_they_are_now(judge, house):
    assert ANNA == request(judge(Ask.START, program="hill")).walker
    assert OLA == request(judge(Ask.START, program="hill", walker="ola")).walker
    house.chosen = None
    assert request(judge(Ask.START, program="hill", pin=None)).walker is None


@pytest.mark.hazard("H26")
def test_a_start_for_somebody_who_may_walk_no_more_is_refused(judge, house):
    house.chosen = Walker(id="gone", name="Gone")
    assert "no_walker" == code(judge(Ask.START, program="hill"))


def test_only_a_start_looks_who_walks(judge, house):
    house.chosen = Walker(id="gone", name="Gone")
    assert request(judge(Ask.CONFIRM)).walker is None
    assert request(judge(Ask.PAUSE)).walker is None


@pytest.mark.parametrize("name", ["today", "plan-2-1"])
@pytest.mark.parametrize("ask", [Ask.START, Ask.SELECT, Ask.CONFIRM])
def test_today_is_the_next_session_of_whoever_walks(judge, ask, name):
    assert "plan-2-1" == request(judge(ask, program=name)).program.id


def test_another_session_of_the_plan_is_not_on_offer(judge):
    assert "unknown_program" == code(judge(Ask.START, program="plan-8-3"))


def test_a_plan_is_that_of_the_walker_who_is_named(judge, house):
    house.chosen = OLA
    assert "plan-2-1" == request(judge(Ask.START, program="today", walker="anna")).program.id
    refused = judge(Ask.START, program="today")
    assert ("no_plan", "tomorrow again") == (refused.answer.code, refused.answer.sentence)
    house.chosen = None
    assert "no_plan" == code(judge(Ask.START, program="today", expect="idle"))


@pytest.mark.hazard("H26")
def test_a_session_of_the_plan_that_was_selected_before_is_looked_up_again(judge, house):
    house.chose = program("plan-1-3")
    assert "plan-2-1" == request(judge(Ask.START)).program.id
    house.chosen = OLA
    assert "no_plan" == code(judge(Ask.START, expect="idle"))
    house.chose = program("hill")
    assert request(judge(Ask.START, walker="anna")).program is None


def test_a_start_without_a_name_and_without_a_plan_is_left_to_the_session(judge, house):
    assert request(judge(Ask.START)).program is None
    assert request(judge(Ask.PAUSE)).program is None


def test_where_nobody_is_known_there_are_no_walkers_and_no_plan():
    desk = Desk(programs=lambda _: None, phase=lambda: "idle", boot=BOOT)

    def judge(**note):
        payload = json.dumps({"v": 1, "ts": NOW, "boot": BOOT, **note}).encode()
        inbound = Inbound(topic="command", payload=payload, size=len(payload))
        return desk.judge(inbound, Moment(1, NOW, True))

    assert "no_walker" == code(judge(id="a", command="walker", walker="anna"))
    assert "no_plan" == code(judge(id="b", command="start", program="today"))
    assert request(judge(id="c", command="start")).walker is None


def test_a_walker_by_topic_is_an_id_or_nobody(judge):
    def send(payload):
        inbound = Inbound(topic="command/walker", payload=payload, size=len(payload), expiry=10)
        return judge.desk.judge(inbound, Moment(1, NOW, True))

    assert ANNA == request(send(b"anna")).walker
    assert request(send(b"")).walker is None
    assert "no_walker" == code(send(b"nemo"))


def test_a_start_by_topic_carries_who_walks_too(judge):
    inbound = Inbound(topic="command/start", payload=b"today", size=5, expiry=10)
    found = request(judge.desk.judge(inbound, Moment(1, NOW, True)))
    assert (ANNA, "plan-2-1") == (found.walker, found.program.id)
