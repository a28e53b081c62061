"""A walked session becomes a record: everything that happened, and nothing that did not."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from backstride.domain.events import Ask, Request, Tick
from backstride.domain.notices import Reply
from backstride.domain.session import Phase, Session, Transition
from backstride.domain.walker import Walker
from backstride.domain.workout import Effort, Facing
from backstride.history.store import INTERRUPTED, Store
from backstride.history.writer import Writer
from backstride.service.history import Keeper, Recorder, Subject
from backstride.service.simulation import BOOT, walk

LIMIT_S = 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


@pytest.fixture
def recorded(stage_play, path):
    """Play a story with a history; what the history holds then, and what was told of it."""

    def run(story, before=None, **more):
        async def play_it(play):
            controller, bus = play.stage.controller, play.stage.bus
            keeper = Keeper(path, ["simulated"])
            subject = Subject(
                "simulated", BOOT, bus, controller.view.account, _stamp(play),
                lambda: controller.session_id, chosen=lambda: before,
            )  # fmt: skip
            async with keeper:
                controller.watchers.append(keeper.watch(subject))
                # Virtual time outruns any thread: let it open the file first.
                await asyncio.to_thread(keeper.writer.ask(Store.heads).result, LIMIT_S)
                await story(play)
            await asyncio.sleep(0)  # what the thread handed over is published
            told = [json.loads(p.payload) for p in bus.published if p.topic == "history"]
            return told, play.session

        told, session = stage_play(play_it, **more)
        with Store(path) as store:
            records = [store.load(head.id) for head in store.heads()]
        return SimpleNamespace(records=records, told=told, session=session)

    return run


def _stamp(play):
    start = 1_795_000_000

    def stamp():
        from datetime import UTC, datetime

        return datetime.fromtimestamp(start + play.now / 1_000, UTC).isoformat()

    return stamp


async def whole(play):
    assert await walk(play.stage, play.program) is None


@pytest.fixture(scope="module")
def demo():
    """Filled by the first test that walks the demo; the others look at the same walk."""
    return {}


@pytest.fixture
def walked(recorded, demo):
    if not demo:
        demo["found"] = recorded(whole)
    return demo["found"]


def test_a_whole_session_is_one_record_with_its_figures(walked):
    (record,) = walked.records
    head = record.head
    assert ("simulated", "demo", "completed", True, 0) == (
        head.treadmill, head.program, head.outcome, head.completed, head.alarms
    )  # fmt: skip
    assert 150 == pytest.approx(head.work_speed, abs=0)
    assert (walked.session.walked, walked.session.top_speed) == (head.walked, head.top_speed)
    assert 180_000 < head.backward < head.walked < head.length
    assert head.id.startswith("2026")
    assert head.id.endswith(f"-simulated-{BOOT[:4]}")
    assert (None, None, None) == (head.walker, head.effort, head.pain)


def test_there_is_a_sample_for_each_second_from_the_start_to_the_end(walked):
    (record,) = walked.records
    seconds = [sample.at for sample in record.samples]
    assert list(range(0, record.head.length // 1_000 * 1_000 + 1, 1_000))[: len(seconds)] == seconds
    assert record.head.length - seconds[-1] <= 1_000


def test_the_samples_follow_setpoint_and_belt(walked):
    (record,) = walked.records
    gaps = [
        abs(sample.speed - sample.setpoint)
        for sample in record.samples
        if sample.setpoint is not None and sample.speed is not None
    ]
    assert len(gaps) > 200
    assert sorted(gaps)[len(gaps) // 2] <= 10
    assert max(sample.speed or 0 for sample in record.samples) <= record.head.top_speed
    distances = [sample.distance for sample in record.samples if sample.distance is not None]
    assert distances == sorted(distances)
    assert record.head.distance == distances[-1] > 50
    energies = [sample.energy for sample in record.samples]
    assert energies == sorted(energies)
    assert record.head.energy >= energies[-1] > 0
    assert {Facing.FORWARD, Facing.BACKWARD} == {sample.facing for sample in record.samples}


def test_the_laps_are_the_segments_as_they_were_walked(walked):
    (record,) = walked.records
    assert list(range(9)) == [lap.index for lap in record.laps]
    works = [lap for lap in record.laps if lap.effort is Effort.WORK]
    assert [(150, Facing.BACKWARD)] * 3 == [(lap.speed, lap.facing) for lap in works]
    assert all(29_000 <= lap.end - lap.start <= 33_000 for lap in works)
    ends = [lap.end for lap in record.laps]
    assert all(after.start >= end for end, after in zip(ends, record.laps[1:], strict=False))
    assert record.laps[0].ramp_to > record.laps[0].speed


def test_the_cues_are_there_and_were_heard(walked):
    (record,) = walked.records
    kinds = {said.kind for said in record.said}
    assert {"faster", "slower", "turn", "finished"} <= kinds
    assert {True} == {said.heard for said in record.said if said.kind == "faster"}
    assert sorted(said.at for said in record.said) == [said.at for said in record.said]


def test_the_end_of_a_session_is_told_with_a_question(walked):
    (record,) = walked.records
    before, after = walked.told[0], walked.told[-1]
    assert ([], [], None) == (before["sessions"], before["weeks"], before["question"])
    (session,), (week,) = after["sessions"], after["weeks"]
    assert record.head.id == session["id"] == after["question"]
    assert (True, "completed", None) == (
        session["completed"],
        session["outcome"],
        session["effort"],
    )
    assert (1, session["backward"]) == (week["sessions"], week["backward"])


def test_what_the_walker_says_goes_to_the_last_session_and_ends_the_question(recorded):
    async def story(play):
        await play.reach("finished")
        answer = rate(play, effort=13, pain=1)
        assert (Reply.OK, "noted") == (answer.reply, answer.code)

    found = recorded(story)
    assert [(13, 1)] == [(record.head.effort, record.head.pain) for record in found.records]
    assert (None, 13) == (found.told[-1]["question"], found.told[-1]["sessions"][0]["effort"])
    assert "pain" not in found.told[-1]["sessions"][0]


def test_what_is_said_goes_to_nobody_elses_session(recorded):
    asked = []

    async def story(play):
        await play.reach("finished")
        ola = Walker(id="ola", name="Ola")
        play.sink(Request(at=play.now, id="o", ask=Ask.WALKER, source="test", walker=ola))
        rate(play, effort=13, pain=9)
        asked.append(play.session.person)

    found = recorded(story)
    assert ["ola"] == [person.id for person in asked]
    assert [(None, None, None)] == [
        (record.head.walker, record.head.effort, record.head.pain) for record in found.records
    ]
    assert None is found.told[-1]["question"]


def test_whoever_was_chosen_before_a_restart_says_how_it_was_after_it(recorded):
    async def story(play):
        play.stage.controller.session = replace(play.session, person=Walker(id="ann", name="Ann"))
        await play.reach("finished")
        play.stage.controller.session = replace(play.session, person=None)
        rate(play, effort=13, pain=1)

    found = recorded(story, before="ann")
    assert [("ann", 13)] == [(each.head.walker, each.head.effort) for each in found.records]


def rate(play, **said):
    play.sink(Request(at=play.now, id="rating", ask=Ask.FEEDBACK, source="test", **said))
    return next(answer for answer in play.stage.bus.answers if answer.id == "rating")


def test_a_stop_ends_the_record_with_its_reason_and_the_work_does_not_count(recorded):
    async def story(play):
        await play.reach("finished")

    (record,) = recorded(story).records
    assert ("stopped by request", False, 0) == (
        record.head.outcome, record.head.completed, record.head.work_speed
    )  # fmt: skip
    assert all(lap.end is not None for lap in record.laps)


def test_whoever_skips_has_not_walked_the_program_to_its_end(recorded):
    async def story(play):
        await play.run(5)
        skips = 0
        while play.session.phase is not Phase.FINISHED:
            if play.session.phase is Phase.RUNNING:
                play.ask(Ask.SKIP)
                skips += 1
            elif play.session.phase is Phase.TURNING and not play.session.owed:
                await play.stage.confirm()
            await asyncio.sleep(5)
        assert skips >= 3

    (record,) = recorded(story).records
    assert ("completed", False, 0) == (
        record.head.outcome, record.head.completed, record.head.work_speed
    )  # fmt: skip


def test_a_lost_link_is_an_alarm_and_the_outcome(recorded):
    async def story(play):
        await play.reach("faulted")

    found = recorded(story)
    (record,) = found.records
    assert record.head.alarms == len(record.troubles) >= 1
    assert str(found.session.fault.cause) == record.head.outcome
    assert record.troubles[0].sentence
    assert not record.head.completed


def test_a_pause_is_part_of_the_session_and_starts_no_other(recorded):
    async def story(play):
        await play.reach("paused")
        play.ask(Ask.CONTINUE)
        await play.phase(Phase.RUNNING)
        await asyncio.sleep(5)
        play.ask(Ask.STOP)
        await play.phase(Phase.FINISHED)

    (record,) = recorded(story).records
    assert [0] == [lap.index for lap in record.laps]
    assert record.head.walked < record.head.length - 5_000


def test_who_walks_is_in_the_head(recorded):
    async def story(play):
        ann = Walker(id="ann", name="Ann")
        play.stage.controller.session = replace(play.session, person=ann)
        await play.run(3)
        play.ask(Ask.STOP)
        await play.phase(Phase.FINISHED)

    assert ["ann"] == [record.head.walker for record in recorded(story).records]


@pytest.mark.parametrize("moment", ["idle", "armed", "countdown"])
def test_nothing_is_recorded_before_the_belt_is_to_move(recorded, moment):
    async def story(play):
        await play.reach(moment)
        play.ask(Ask.STOP)
        await asyncio.sleep(5)

    assert [] == recorded(story).records


def test_a_dead_daemons_session_is_closed_by_the_next_and_goes_on_nowhere(recorded):
    async def die(play):
        await play.run(20)

    async def live(play):
        await play.phase(Phase.IDLE)

    (record,) = recorded(die).records
    assert None is record.head.outcome
    found = recorded(live)
    assert [INTERRUPTED] == [record.head.outcome for record in found.records]
    assert INTERRUPTED == found.told[-1]["sessions"][0]["outcome"]


def test_a_broken_history_costs_the_history_and_not_the_session(recorded, path, stage_play):
    path.write_bytes(b"no database" * 1_000)

    async def story(play):
        controller = play.stage.controller
        keeper = Keeper(path, ["simulated"])
        account = controller.view.account
        async with keeper:
            subject = Subject(
                "simulated", BOOT, play.stage.bus, account, _stamp(play),
                lambda: play.stage.controller.session_id,
            )  # fmt: skip
            controller.watchers.append(keeper.watch(subject))
            await whole(play)
            rate(play, effort=12)
        return play.session.ended_by, keeper.writer.failed

    ended_by, failed = stage_play(story)
    assert "completed" == ended_by
    assert "not a database" in failed
    assert path.read_bytes().startswith(b"no database")


async def test_a_defect_in_the_recorder_ends_the_record_and_is_not_raised(path):
    def stamp():
        raise RuntimeError("no time")

    writer = Writer(lambda: Store(path))
    recorder = Recorder(Subject("simulated", BOOT, None, None, stamp, str), writer)
    for phase in (Phase.COUNTDOWN, Phase.STARTING, Phase.RUNNING, Phase.FINISHED):
        recorder.watch(Tick(at=0), Transition(Session(phase=phase), (), ()))
    writer.start()
    assert () == await asyncio.wrap_future(writer.ask(Store.heads))
    assert await asyncio.to_thread(writer.close, LIMIT_S)
