"""The radio is lost in every phase, for a moment or for long: the belt is stopped, nothing restarts."""

from __future__ import annotations

import asyncio

import pytest

from backstride.domain.events import Ask
from backstride.domain.session import Phase
from backstride.virtual.log import STOP, Op

REST = ("offline", "idle", "armed", "countdown", "turned", "paused", "finished")
MOVING = ("starting", "running", "turning", "slowing", "stopping", "faulted")
ABSENCES = (100, 1_000, 10_000)


def lose(play, absence):
    """Lose the link for so many ms; returns how many writes the machine had seen by then."""
    play.act(lambda machine, now: machine.hide(now, absence))
    return len(play.log.writes)


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("absence", ABSENCES)
@pytest.mark.parametrize("phase", MOVING)
def test_a_moving_belt_is_stopped_after_the_reconnection(phase, absence, stage_play):
    async def story(play):
        await play.reach(phase)
        before = lose(play, absence)
        await play.phase(Phase.FAULTED)
        alarms = [n for n in play.stage.notices if getattr(n, "cause", None) == "link_lost"]
        await play.stage.until(lambda s: s.linked and not s.owed, 60_000)
        await asyncio.sleep(30)
        after = [write for write in play.log.writes[before:] if write.opcode != Op.REQUEST_CONTROL]
        return play.session, play.belt, after, alarms

    session, belt, after, alarms = stage_play(story)
    assert (Phase.FAULTED, False, 0) == (session.phase, session.owed, belt)
    assert {STOP} == {write.data for write in after}, "Stop and nothing else"
    assert alarms != []


@pytest.mark.hazard("H01", "H03", "H09")
@pytest.mark.parametrize("absence", ABSENCES)
@pytest.mark.parametrize("phase", REST)
def test_a_belt_at_rest_stays_there(phase, absence, stage_play):
    async def story(play):
        await play.reach(phase)
        await asyncio.sleep(0)
        before = lose(play, absence)
        await play.phase(Phase.OFFLINE, Phase.FAULTED)
        await play.stage.until(lambda s: s.linked, 60_000)
        # An answer to the old question must not start anything now.
        answer = play.ask(Ask.CONFIRM)
        await asyncio.sleep(60)
        return play.session, play.belt, play.log.writes[before:], answer

    session, belt, after, answer = stage_play(story)
    assert belt == 0
    assert [] == [write for write in after if write.opcode in {Op.START, Op.SPEED, Op.INCLINE}]
    assert answer.reply == "refused"
    assert session.phase in {Phase.IDLE, Phase.FAULTED}


@pytest.mark.hazard("H17")
def test_a_handed_over_belt_is_not_touched_after_the_reconnection(stage_play):
    async def story(play):
        await play.reach("handed_over")
        before = lose(play, 1_000)
        await asyncio.sleep(30)
        return play.belt, [write for write in play.log.writes[before:] if write.opcode in {2, 3, 7}]

    belt, after = stage_play(story)
    assert belt == 150, "the walker's own speed"
    assert after == []


@pytest.mark.hazard("H01", "H09")
def test_a_link_that_flaps_for_a_minute_never_starts_a_belt(stage_play):
    async def story(play):
        await play.reach("running")
        starts = len(play.log.starts)
        for _ in range(60):
            lose(play, 300)
            await asyncio.sleep(1)
        await play.stage.until(lambda s: s.linked and not s.owed, 60_000)
        return play.belt, len(play.log.starts) - starts, play.log.speed_targets

    belt, starts, targets = stage_play(story)
    assert (0, 0) == (belt, starts)
    assert max(targets) <= 200


def test_after_the_acknowledgement_a_new_session_runs(stage_play):
    async def story(play):
        await play.reach("running")
        lose(play, 1_000)
        await play.phase(Phase.FAULTED)
        await play.stage.until(lambda s: s.linked and not s.owed, 60_000)
        assert play.ask(Ask.START, play.program).reply == "refused"
        assert play.ask(Ask.ACKNOWLEDGE).reply == "ok"
        await play.run(5)
        return play.belt, play.log.moving_starts()

    belt, moving_starts = stage_play(story)
    assert belt > 0
    assert moving_starts == []
