"""Who walks: named before anything is armed, stated at arming, and within their own limits."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.events import Ask
from backstride.domain.limits import Caps, Layer
from backstride.domain.notices import Reply
from backstride.domain.session import Phase
from backstride.domain.walker import Walker
from backstride.domain.workout import Level

ANNA = Walker(id="anna", name="Anna", caps=Caps(reason="the walker's own limit", speed=130))
OLA = Walker(id="ola", name="Ola", level=Level.ADVANCED)


def test_a_walker_is_named_and_taken_back(rig):
    rig.connect()
    answer = rig.ask(Ask.WALKER, walker=ANNA)
    assert ("walker", "this walker's limits hold here now", ANNA) == (
        answer.code, answer.sentence, rig.session.person,
    )  # fmt: skip
    answer = rig.ask(Ask.WALKER)
    assert ("nobody in particular walks here now", None) == (answer.sentence, rig.session.person)


def test_whoever_is_named_without_a_link_is_not_named_while_the_belt_is_owed_a_rest(rig):
    assert Reply.OK is rig.ask(Ask.WALKER, walker=ANNA).reply
    rig.session = replace(rig.session, owed=True)
    assert "not_still" == rig.ask(Ask.WALKER, walker=OLA).code
    assert ANNA == rig.session.person


@pytest.mark.hazard("H26")
def test_nobody_takes_over_what_is_armed(rig, make_program):
    rig.connect().ask(Ask.START, make_program(), walker=ANNA)
    assert "wrong_phase" == rig.ask(Ask.WALKER, walker=OLA).code
    answer = rig.ask(Ask.START, make_program(), walker=OLA)
    assert ("wrong_phase", True) == (answer.code, "armed for somebody else" in answer.sentence)
    assert (Phase.ARMED, ANNA) == (rig.session.phase, rig.session.person)


def test_somebody_is_not_named_over_what_was_armed_for_nobody(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    assert "wrong_phase" == rig.ask(Ask.START, make_program(), walker=ANNA).code


def test_the_same_walker_may_arm_again_with_what_is_known_of_them_now(rig, make_program):
    rig.connect().ask(Ask.START, make_program(), walker=ANNA)
    newer = replace(ANNA, weight=70_000)
    assert "armed" == rig.ask(Ask.START, make_program(), walker=newer).code
    assert newer == rig.session.person
    assert "armed" == rig.ask(Ask.START, make_program()).code


@pytest.mark.hazard("H26")
def test_whoever_is_named_walks_within_their_limits(rig, make_program):
    rig.connect()
    rig.ask(Ask.WALKER, walker=ANNA)
    assert "armed" == rig.ask(Ask.START, make_program()).code
    limit = rig.session.envelope.speed
    assert (130, Layer.WALKER, "the walker's own limit") == (limit.value, limit.layer, limit.reason)
    assert ANNA == rig.session.person


def test_no_sentence_and_no_cue_names_whoever_walks(rig, make_program):
    rig.connect()
    hard = make_program(level=Level.ADVANCED)
    answers = [
        rig.ask(Ask.WALKER, walker=ANNA),
        rig.ask(Ask.START, hard),
        rig.ask(Ask.START, make_program()),
    ]
    assert ["walker", "level", "armed"] == [answer.code for answer in answers]
    assert answers[-1].sentence.startswith("Bench: ")
    said = [*rig.notices, rig.session.envelope]
    assert [] == [each for each in said if "Anna" in str(each)]


@pytest.mark.hazard("H04", "H26")
def test_a_program_above_a_limit_or_a_level_of_the_walker_is_not_armed(rig, make_program):
    rig.connect()
    slow = replace(ANNA, caps=Caps(reason="slow", speed=110))
    assert "too_fast" == rig.ask(Ask.START, make_program(), walker=slow).code
    hard = make_program(level=Level.ADVANCED)
    answer = rig.ask(Ask.START, hard, walker=ANNA)
    assert ("level", True) == (answer.code, "the walker's is beginner" in answer.sentence)
    assert (Phase.IDLE, None) == (rig.session.phase, rig.session.person)
    assert "armed" == rig.ask(Ask.START, hard, walker=OLA).code
