"""The only loop: what it does when something inside is broken, and what it costs to have it run."""

from __future__ import annotations

import asyncio
import gc
import re

import pytest

from backstride.domain.events import Ask, Request, Tick
from backstride.domain.session import Phase
from backstride.service.simulation import MemoryBus
from backstride.virtual.log import STOP


class DefectError(Exception):
    """What a defect raises."""


def break_after(controller, kind):
    """From now on the core cannot take an event of this kind."""

    def observe(event, _):
        if isinstance(event, kind):
            raise DefectError(kind.__name__)

    controller.watchers.append(observe)


@pytest.mark.hazard("H10")
class TestADefect:
    def test_in_the_core_sends_a_last_stop_and_ends_the_controller(self, stage_play):
        async def story(play):
            await play.reach("running")
            before = len(play.log.writes)
            break_after(play.stage.controller, Tick)
            life = play.stage.life
            await asyncio.wait({life})
            await asyncio.sleep(20)
            return play.belt, play.log.writes[before:], life.exception(), play.stage.ledger.record

        belt, writes, error, claim = stage_play(story, ends_by_itself=True)
        assert 0 == belt
        assert [STOP] == [write.data for write in writes], "one last Stop, and nothing after it"
        assert isinstance(error, DefectError)
        assert claim is not None, "the next life finds what was not proven"

    def test_while_the_belt_stands_still_ends_the_controller(self, stage_play):
        async def story(play):
            await play.reach("idle")
            break_after(play.stage.controller, Tick)
            await asyncio.wait({play.stage.life})
            return play.stage.life.exception(), play.log.starts

        error, starts = stage_play(story, ends_by_itself=True)
        assert isinstance(error, DefectError)
        assert starts == []

    @pytest.mark.parametrize("part", ["bus", "journal", "ledger"])
    def test_of_an_adapter_does_not_take_the_link_away_before_the_stop(  # noqa: C901  a stand-in that breaks
        self, part, stage_play
    ):
        async def story(play):
            await play.reach("running")
            before = len(play.log.writes)
            breakable[-1].broken.set()
            life = play.stage.life
            await asyncio.wait({life}, timeout=30)
            await asyncio.sleep(20)
            return play.belt, play.log.writes[before:], life.exception()

        breakable = []

        class Breakable(MemoryBus):
            def __init__(self):
                super().__init__()
                self.broken = asyncio.Event()
                self.record = None
                self.gap = False
                breakable.append(self)

            async def run(self, sink=None):
                if part == "bus":
                    serving = asyncio.create_task(super().run(sink))
                await self.broken.wait()
                if part == "bus":
                    serving.cancel()
                raise DefectError(part)

            async def write(self, record):
                if self.broken.is_set():
                    raise DefectError(part)
                self.record = record
                return True

            def load(self):
                return None

            async def secure(self):
                pass

            def begin(self, program, opening):
                pass

            def append(self, event):
                pass

            def end(self):
                pass

        belt, writes, error = stage_play(story, ends_by_itself=True, **{part: Breakable})
        assert 0 == belt
        assert [STOP] == [write.data for write in writes if write.opcode != 2]
        assert isinstance(error, DefectError)

    def test_nothing_is_folded_after_it(self, stage_play):
        async def story(play):
            await play.reach("running")
            controller = play.stage.controller
            break_after(controller, Request)
            play.ask(Ask.FASTER)
            session = controller.session
            play.sink(Tick(at=play.now + 1_000_000))
            assert controller.session is session
            await asyncio.wait({play.stage.life})

        stage_play(story, ends_by_itself=True)


@pytest.mark.hazard("H25")
class TestTheEnd:
    def test_of_the_service_brings_the_belt_down_and_settles_the_claim(self, stage_play):
        async def story(play):
            await play.run(20)
            told = len(play.log.speed_writes)
            await play.stage.controller.shut_down()
            down = play.log.speed_targets[told:]
            return play.belt, down, play.log.writes[-1].data, play.stage.ledger.record, play.session

        belt, down, last, claim, session = stage_play(story)
        assert (0, STOP, None) == (belt, last, claim)
        assert down == sorted(down, reverse=True)
        assert "shutdown" == session.ended_by

    @pytest.mark.parametrize(
        "moment",
        ["offline", "idle", "armed", "countdown", "starting", "turning", "turned", "paused",
         "slowing", "stopping", "finished", "faulted", "handed_over"],
    )  # fmt: skip
    def test_of_the_service_leaves_no_belt_of_ours_moving(self, moment, stage_play):
        async def story(play):
            await play.reach(moment)
            starts = len(play.log.starts)
            began = asyncio.get_running_loop().time()
            await play.stage.controller.shut_down()
            took = asyncio.get_running_loop().time() - began
            return play.belt, took, len(play.log.starts) - starts, play.session.owed

        belt, took, starts, owed = stage_play(story)
        assert (False, 0) == (owed, starts)
        assert belt == (150 if moment == "handed_over" else 0)
        assert took < 26

    def test_waits_no_longer_than_it_may_for_a_machine_that_is_gone(self, stage_play):
        async def story(play):
            await play.run(20)
            play.act(lambda machine, now: machine.hide(now, 600_000))
            began = asyncio.get_running_loop().time()
            await play.stage.controller.shut_down()
            return asyncio.get_running_loop().time() - began, play.stage.ledger.record

        took, claim = stage_play(story)
        assert 24 <= took <= 31
        assert claim is not None, "the next life must look for it"


@pytest.mark.hazard("H10", "H23")
class TestTheDisk:
    def test_a_start_waits_for_the_claim_and_a_stop_waits_for_nothing(self, stage_play):
        async def story(play):
            slow = play.stage.ledger
            write = slow.write
            written = []

            async def write_slowly(record):
                await asyncio.sleep(0.5)
                written.append(play.now)
                return await write(record)

            slow.write = write_slowly
            await play.arm()
            await play.stage.confirm()
            await play.phase(Phase.RUNNING)
            start = play.log.starts[0].at
            play.ask(Ask.STOP)
            asked = play.now
            await asyncio.sleep(0.1)
            return written[0], start, asked, play.log.stops[0].at

        claimed, start, asked, stopped = stage_play(story)
        assert claimed <= start
        assert stopped - asked <= 10

    def test_a_disk_slower_than_a_permit_lives_refuses_the_start(self, stage_play):
        async def story(play):
            async def write_for_ever(_):
                await asyncio.sleep(5)

            play.stage.ledger.write = write_for_ever
            await play.arm()
            await play.stage.confirm()
            await play.phase(Phase.FAULTED)
            return play.log.starts, play.session.fault.cause

        starts, cause = stage_play(story)
        assert ([], "start_failed") == (starts, cause)

    @pytest.mark.hazard("H01")
    def test_no_start_leaves_behind_a_stop_that_came_while_the_disk_was_busy(self, stage_play):
        async def story(play):
            slow = play.stage.ledger
            write = slow.write

            async def write_slowly(record):
                await asyncio.sleep(0.5)
                return await write(record)

            slow.write = write_slowly
            await play.arm()
            await play.stage.confirm()
            await play.phase(Phase.STARTING)
            play.ask(Ask.STOP)
            await asyncio.sleep(5)
            return play.log.starts, len(play.log.stops) > 0

        assert stage_play(story) == ([], True)


def test_a_gap_in_the_journal_begins_a_new_one(stage_play):
    async def story(play):
        await play.run(10)
        journal = play.stage.journal
        assert len(journal.openings) == 1
        journal.gap = True
        await asyncio.sleep(11)
        return journal.openings, journal.events[0]

    (_, second), first_event = stage_play(story)
    assert second.session.phase is Phase.RUNNING
    assert second.session.now <= first_event.at


def test_memory_does_not_grow_with_time_at_rest(stage_play):
    """An idle day: nothing but the bus's own record of what was published may grow."""

    async def story(play):
        await play.reach("idle")
        counts = []
        for _ in range(3):
            await asyncio.sleep(1_800)
            play.stage.bus.published.clear()
            play.stage.samples.clear()
            gc.collect()
            counts.append(
                sum(not re.match("Sample|Happening", type(o).__name__) for o in gc.get_objects())
            )
        return counts

    counts = stage_play(story)
    assert max(counts) - min(counts) < 200, counts
