"""A walker who is missed, and a machine that repeats itself: the whole service brings the belt to rest."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from backstride.domain.events import Ask
from backstride.domain.session import Phase
from backstride.scripts.catalogue import Catalogue

LONG = msgspec.structs.replace(Catalogue.load().get("endurance"), check_in=30_000)
FREEZE = "60 s after motion: freeze telemetry for 60 s"


def targets_after(log, at):
    """The speeds that were written later."""
    return [w.speed_target for w in log.writes if w.at > at and w.speed_target]


def only_slower(targets):
    return targets == sorted(targets, reverse=True)


@pytest.mark.hazard("H29")
def test_a_walker_who_answers_no_check_in_is_slowed_and_then_stopped(stage_play):
    async def story(play):
        await play.run(0)
        asked = await play.stage.until(lambda s: s.asked_at is not None, 120_000)
        await play.phase(Phase.FAULTED, limit=120_000)
        return asked.asked_at, play.session.fault.cause, play.now, play.belt, play.log

    asked, cause, ended, belt, log = stage_play(story, program=LONG)
    assert ("nobody_there", 0) == (cause, belt)
    assert 30_000 <= ended - asked <= 45_000
    assert only_slower(targets_after(log, asked + 15_000))


@pytest.mark.hazard("H29")
def test_a_walker_who_answers_goes_on(stage_play):
    async def story(play):
        await play.run(0)
        for _ in range(4):
            await play.stage.until(lambda s: s.asked_at is not None, 120_000)
            await asyncio.sleep(10)
            play.ask(Ask.PRESENT)
        await asyncio.sleep(20)
        return play.session.phase

    assert Phase.RUNNING == stage_play(story, program=LONG)


@pytest.mark.hazard("H14", "H29")
def test_a_walker_who_leaves_a_belt_that_counts_only_with_somebody_on_it_is_missed(stage_play):
    async def story(play):
        await play.run(60)
        play.act(lambda machine, now: machine.console.step_off(now))
        left = play.now
        await play.phase(Phase.FAULTED, limit=120_000)
        return play.session.fault.cause, play.now - left, play.belt

    cause, passed, belt = stage_play(story, machine="citysports", program="easy-intervals")
    assert cause in {"frozen", "nobody_there"}
    assert passed <= 30_000
    assert belt == 0


@pytest.mark.hazard("H14")
def test_a_machine_that_repeats_one_frame_is_not_believed(stage_play):
    async def story(play):
        await play.run(0)
        await play.phase(Phase.SLOWING, Phase.STOPPING, Phase.FAULTED, limit=120_000)
        noticed, cause = play.now, play.session.fault.cause
        await play.phase(Phase.FAULTED, limit=120_000)
        return noticed, cause, play.belt, play.log

    noticed, cause, belt, log = stage_play(story, program="endurance", faults=FREEZE)
    assert ("frozen", 0) == (cause, belt)
    assert only_slower(targets_after(log, noticed - 4_000)), "held since the fifth second"
