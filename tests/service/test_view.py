"""What the service publishes: valid by the shipped schemas, at each change, and no more often than useful."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import jsonschema
import pytest

from backstride.domain.events import Ask
from backstride.domain.session import Phase
from backstride.mqtt.schema import PAYLOADS
from backstride.mqtt.schema_files import shipped_schema
from backstride.service.simulation import walk


@pytest.fixture(scope="module")
def validators():
    made = {}
    for name in PAYLOADS:
        schema = json.loads(shipped_schema(name).read_text())
        made[name] = jsonschema.Draft202012Validator(schema)
    return made


def published(play, topic, since=0):
    """The payloads of a topic with the moments at which they were published."""
    return [
        (at, json.loads(p.payload))
        for at, p in zip(play.stage.bus.moments, play.stage.bus.published, strict=True)
        if p.topic == topic and at >= since
    ]


SESSIONS = {
    "completed": ("ideal", "turned"),
    "turned": ("citysports", "turned"),
    "paused": ("ideal", "paused"),
    "handed over": ("ideal", "handed_over"),
    "faulted": ("ideal", "faulted"),
    "split": ("split-record", "finished"),
    "no incline": ("urevo-e1l", "stopping"),
}


@pytest.mark.parametrize("story_name", SESSIONS)
def test_every_payload_of_a_session_is_valid(story_name, stage_play, validators):
    machine, moment = SESSIONS[story_name]

    async def story(play):
        if story_name == "completed":
            await walk(play.stage, play.program)
        else:
            await play.reach(moment)
        await asyncio.sleep(65)
        return play

    play = stage_play(story, machine=machine)
    seen = set()
    for publication in play.stage.bus.published:
        payload = json.loads(publication.payload)
        validators[publication.topic].validate(payload)
        assert payload["v"] == 1
        seen.add(publication.topic)
    assert seen >= {"state", "info", "programs", "connection", "event", "cue", "session"}


def test_the_state_is_published_at_each_change_of_phase_within_the_same_moment(stage_play):
    async def story(play):
        moves = []
        play.stage.controller.watchers.append(
            lambda _, t: (
                moves.append((play.now, t.session.phase))
                if not moves or moves[-1][1] is not t.session.phase
                else None
            )
        )
        await walk(play.stage, play.program)
        return play, moves

    play, moves = stage_play(story)
    states = {(at, state["phase"]) for at, state in published(play, "state")}
    assert len(moves) > 12
    assert [] == [move for move in moves[1:] if move not in states]


def test_the_state_comes_every_second_while_moving_and_every_30_s_at_rest(stage_play):
    async def story(play):
        await play.reach("idle")
        await asyncio.sleep(300)
        began = play.now
        await play.run(20)
        moving = play.now
        await asyncio.sleep(10)
        end = play.now
        return play, began, moving, end

    play, began, moving, end = stage_play(story)
    rest = [at for at, _ in published(play, "state") if 5_000 < at < began]
    gaps = [b - a for a, b in pairwise(rest)]
    assert 30_000 <= min(gaps) <= max(gaps) <= 30_500, gaps
    moved = [at for at, _ in published(play, "state") if moving <= at < end]
    gaps = [b - a for a, b in pairwise(moved)]
    assert max(gaps) <= 1_100, gaps
    assert len(moved) <= 25, "no more than a change and a second explain"


def test_the_number_of_a_state_only_grows(stage_play):
    async def story(play):
        await walk(play.stage, play.program)
        return play

    play = stage_play(story)
    numbers = [state["seq"] for _, state in published(play, "state")]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("machine", ["ideal", "citysports", "split-record"])
def test_the_distance_of_a_session_goes_on_over_the_machines_resets(machine, stage_play):
    async def story(play):
        walked = asyncio.create_task(walk(play.stage, play.program))
        metres, before = 0.0, None
        while not walked.done():
            await asyncio.sleep(0.1)
            metres += play.belt / 360 * 0.1
        await walked
        del before
        return play, metres

    play, metres = stage_play(story, machine=machine)
    distances = [state["distance"] for _, state in published(play, "state") if state["program"]]
    known = [distance for distance in distances if distance is not None]
    assert known == sorted(known), "it never falls"
    _, summary = published(play, "session")[-1]
    assert summary["outcome"] == "completed"
    assert summary["distance"] == pytest.approx(metres, abs=8), "up to 2 m are lost at each stop"


def test_a_new_session_counts_from_zero(stage_play):
    async def story(play):
        await play.reach("finished")
        await play.run(1)
        return play

    play = stage_play(story)
    states = [s for _, s in published(play, "state") if s["phase"] == "running"]
    assert states[-1]["distance"] <= 2


def test_the_reason_why_there_is_no_link_is_published_when_it_changes(stage_play):
    async def story(play):
        await play.reach("idle")
        play.act(lambda machine, now: machine.hide(now, 120_000))
        await asyncio.sleep(100)
        gone = play.now
        await play.phase(Phase.IDLE)
        return published(play, "connection"), gone

    links, gone = stage_play(story)
    assert links[-1][1]["up"]
    assert links[-1][1]["reason"] is None
    reasons = [link["reason"] for at, link in links if at <= gone and not link["up"]]
    assert reasons[-1]
    assert len(links) < 60, "retries alone are no news"


def test_the_summary_says_how_it_ended_and_what_was_walked(stage_play):
    async def story(play):
        await play.run(30)
        play.ask(Ask.STOP)
        await play.phase(Phase.FINISHED)
        return play

    play = stage_play(story)
    _, summary = published(play, "session")[-1]
    assert ("stopped by request", "demo") == (summary["outcome"], summary["program"])
    assert summary["started"] < summary["ended"]
    assert 28 <= summary["walked"] <= 45
    assert summary["backward"] == 0


def test_what_was_skipped_was_not_walked(stage_play):
    async def story(play):
        await play.reach("turned")
        play.ask(Ask.CONFIRM)
        await play.phase(Phase.RUNNING)
        await asyncio.sleep(8)
        replies = [play.ask(Ask.SKIP).reply for _ in range(3)]
        play.ask(Ask.STOP)
        await play.phase(Phase.FINISHED)
        return replies, play

    replies, play = stage_play(story)
    _, summary = published(play, "session")[-1]
    assert replies == ["ok"] * 3
    assert 0 < summary["backward"] < 20 < summary["walked"]
    assert 0 < summary["energy"] < 0.1 * summary["walked"]


def test_an_alarm_is_shown_while_it_lasts_and_a_fault_until_it_is_acknowledged(stage_play):
    async def story(play):
        await play.reach("faulted")
        await play.stage.until(lambda s: s.linked and not s.owed, 60_000)
        faulted = published(play, "state")[-1][1]
        play.ask(Ask.ACKNOWLEDGE)
        await asyncio.sleep(1)
        return faulted, published(play, "state")[-1][1]

    faulted, after = stage_play(story)
    assert ("link_lost", True) == (faulted["alarm"]["cause"], faulted["alarm"]["latched"])
    assert (None, "idle") == (after["alarm"], after["phase"])


@pytest.mark.hazard("H28")
def test_without_the_voice_only_alarms_are_said_aloud(stage_play):
    async def story(play):
        play.ask(Ask.VOICE, on=False)
        await play.reach("faulted")
        return play

    play = stage_play(story)
    cues = [cue for _, cue in published(play, "cue")]
    spoken = {cue["kind"] for cue in cues if cue["voice"]}
    shown = {cue["kind"] for cue in cues if not cue["voice"]}
    assert (spoken, "alarm" in shown, "countdown" in shown) == ({"alarm"}, False, True)
    assert not published(play, "state")[-1][1]["voice"]
