"""The process dies at any moment: the next life finds the belt, stops it, and never starts it."""

from __future__ import annotations

import asyncio
import json
import os

import msgspec
import pytest

from backstride.domain.events import Ownership
from backstride.domain.session import Phase
from backstride.service.recovery import (
    Claim,
    FileLedger,
    LockedError,
    UnwritableError,
    is_any_claimed,
    lock,
)
from backstride.service.simulation import walk
from backstride.virtual.log import Op

RECORD = Ownership(fingerprint="f", program="demo", target=120, distance=10, elapsed=20)
MOMENTS = [*range(4, 330, 13), *(12 + tenth / 4 for tenth in range(1, 24))]
"""Seconds of a demo session: all along, and finely around the first Start."""


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("absent", [0.1, 4.0, 60.0])
def test_whenever_the_process_dies_the_belt_is_brought_to_rest(absent, stage_play, record_property):
    worst = 0
    for moment in MOMENTS:

        async def story(play, moment=moment):
            walking = asyncio.create_task(walk(play.stage, play.program))
            await asyncio.sleep(moment)
            walking.cancel()
            claimed = play.stage.ledger.record is not None
            starts, died = len(play.log.starts), play.now
            await play.die(absent)
            await play.stage.until(lambda s: s.linked, 60_000)
            await asyncio.sleep(60)
            moved = [s.at for s in play.log.samples if s.at > died and s.speed > 0]
            assert starts == len(play.log.starts), moment
            assert play.belt == 0, (moment, play.session.phase)
            assert play.stage.ledger.record is None, moment
            assert not moved or claimed, f"a belt moved unclaimed at {moment}"
            if moved:
                assert play.session.phase is Phase.FAULTED
            return max(moved, default=died) - died - absent * 1_000

        worst = max(worst, stage_play(story))
    record_property(
        "figure",
        f"recovery: dead for {absent:4.1f} s at {len(MOMENTS)} moments; belt still at most"
        f" {worst / 1000:.1f} s after the restart",
    )


@pytest.mark.hazard("H11", "H17")
def test_a_belt_that_somebody_else_started_meanwhile_is_only_watched(stage_play):
    async def story(play):
        await play.reach("running")
        await play.stage.kill()
        # Hours later; a counter that does not continue ours says that this is another run.
        play.act(lambda machine, now: machine.console.press_stop(now))
        await asyncio.sleep(3_600)
        play.act(lambda machine, now: machine.console.press_start(now))
        await asyncio.sleep(10)
        writes = len(play.log.writes)
        play.stage.ledger.record = msgspec.structs.replace(
            play.stage.ledger.record, distance=5_000, elapsed=5_000
        )
        play.stage.revive()
        await play.stage.until(lambda s: s.linked and s.evidence.frames > 2, 60_000)
        await asyncio.sleep(20)
        return play.belt, play.log.writes[writes:]

    belt, writes = stage_play(story)
    assert belt > 0
    assert [] == [write for write in writes if write.opcode != Op.REQUEST_CONTROL]


@pytest.mark.hazard("H10", "H11")
class TestTheLedger:
    @pytest.fixture
    def syncs(self):
        return []

    @pytest.fixture
    def ledger(self, tmp_path, syncs):
        return FileLedger(tmp_path, lambda handle: (syncs.append(handle), os.fsync(handle)))

    async def test_a_claim_is_found_again_with_its_age(self, ledger):
        await ledger.write(RECORD)
        record, age = await asyncio.to_thread(ledger.load)
        assert record == RECORD
        assert 0 <= age < 5_000

    async def test_a_claim_that_was_withdrawn_is_gone(self, ledger, tmp_path):
        await ledger.write(RECORD)
        await ledger.write(None)
        assert await asyncio.to_thread(ledger.load) is None
        assert await asyncio.to_thread(os.listdir, tmp_path) == []

    async def test_a_refreshed_claim_costs_one_sync(self, ledger, syncs):
        await ledger.write(RECORD)
        first = len(syncs)
        await ledger.write(msgspec.structs.replace(RECORD, distance=11))
        assert (2, 1) == (first, len(syncs) - first), "the file, and its name when it is new"

    def test_a_record_of_another_boot_is_dated_by_the_wall_clock(self, ledger, tmp_path):
        import time

        claim = Claim(record=RECORD, boot_id="another", boottime=1e9, wall=time.time() - 100)
        (tmp_path / "owner.json").write_bytes(msgspec.json.encode(claim))
        _, age = ledger.load()
        assert 99_000 <= age <= 110_000

    @pytest.mark.parametrize("wall", [-1.0, 1e12])
    def test_a_wall_clock_that_makes_no_sense_makes_the_record_old(self, ledger, tmp_path, wall):
        claim = Claim(record=RECORD, boot_id="another", boottime=0, wall=wall)
        (tmp_path / "owner.json").write_bytes(msgspec.json.encode(claim))
        _, age = ledger.load()
        assert age == 24 * 3_600_000

    def test_a_damaged_record_is_no_record(self, ledger, tmp_path):
        whole = msgspec.json.encode(Claim(record=RECORD, boot_id="", boottime=0, wall=0))
        for end in range(len(whole)):
            (tmp_path / "owner.json").write_bytes(whole[:end])
            assert ledger.load() is None
        (tmp_path / "owner.json").write_text(json.dumps({"record": 7}))
        assert ledger.load() is None

    @pytest.mark.hazard("H09", "H10")
    async def test_a_belt_of_any_daemon_beside_is_known_by_its_record(self, tmp_path):
        ledger = FileLedger(tmp_path / "other")
        (tmp_path / "history.db").touch()
        (tmp_path / "own").mkdir()
        before = await is_any_claimed(tmp_path)
        await ledger.write(RECORD)
        meanwhile = await is_any_claimed(tmp_path)
        await ledger.write(None)
        assert [False, True, False] == [before, meanwhile, await is_any_claimed(tmp_path)]

    async def test_a_disk_that_does_not_tell_whose_belts_move_says_that_one_may(self, tmp_path):
        assert await is_any_claimed(tmp_path / "gone")

    async def test_a_directory_that_is_gone_is_survived(self, tmp_path):
        blocked = tmp_path / "file"
        blocked.touch()
        assert await FileLedger(blocked / "below").write(RECORD) is False


@pytest.mark.hazard("H18")
class TestTheLock:
    def test_two_daemons_cannot_have_one_treadmill(self, tmp_path):
        with (
            lock(tmp_path),
            pytest.raises(LockedError, match="another backstride runs"),
            lock(tmp_path),
        ):
            pass

    def test_a_lock_is_free_again_when_it_is_closed(self, tmp_path):
        for _ in range(2):
            with lock(tmp_path):
                pass

    def test_a_directory_that_cannot_be_made_says_what_to_set(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(UnwritableError, match=r"set service\.state_directory"):
            lock(tmp_path / "file" / "below")
