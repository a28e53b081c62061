"""The journal: what was folded can be folded again, whatever happened to the disk."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess

import msgspec
import pytest

from backstride.domain.events import Ask, Tick
from backstride.domain.session import Phase, Session
from backstride.service import journal
from backstride.service.journal import FileJournal, JournalError, MemoryJournal, Opening
from backstride.service.recovery import FileLedger
from backstride.service.replay import replay
from backstride.service.simulation import walk

OPENING = Opening(
    version=journal.VERSION,
    boot="boot1234",
    treadmill="home",
    time="2026-11-20T08:00:00.000Z",
    session=Session(),
)


class Disk:
    """Counts how often something is made durable, and can be full."""

    def __init__(self):
        self.note = lambda: None
        self.full = False

    def sync(self, handle):
        self.note()
        if self.full:
            raise OSError(errno.ENOSPC, "no space left on device")
        os.fsync(handle)


def fill(directory):
    """Leave not a byte."""
    with pytest.raises(OSError, match="No space left"):
        (directory / "ballast").write_bytes(b"x" * 1_000_000)


@pytest.fixture
def disk():
    return Disk()


def files(directory):
    return sorted(directory.glob("*.journal"))


def events(path):
    return list(journal.read(path)[1])


class TestASessionOnDisk:
    """One whole session through the real journal, on virtual time."""

    @pytest.fixture
    def told(self, stage_play, tmp_path, disk):
        """The transitions as they happened, with when the disk was used in virtual time."""
        transitions, moments = [], []

        async def story(play):
            loop = asyncio.get_running_loop()
            disk.note = lambda: moments.append(loop.time())
            play.stage.controller.watchers.append(
                lambda event, transition: transitions.append((event, transition))
            )
            await asyncio.sleep(60)
            assert moments == [], "nothing is written at rest"
            began = loop.time()
            await walk(play.stage, play.program)
            ended = loop.time()
            await asyncio.sleep(5)
            used = len(moments)
            await asyncio.sleep(600)
            assert used == len(moments), "nothing is written after the session"
            return began, ended

        began, ended = stage_play(
            story,
            journal=lambda: FileJournal(tmp_path / "journal", disk.sync),
            ledger=lambda: FileLedger(tmp_path, disk.sync),
        )
        return transitions, moments, began, ended, files(tmp_path / "journal")

    def test_a_replay_is_the_same_to_the_byte(self, told, record_property):
        transitions, _, _, _, (path,) = told
        encode = msgspec.json.Encoder().encode
        armed = next(i for i, (_, t) in enumerate(transitions) if t.session.phase is Phase.ARMED)
        replayed = list(replay(path))
        lived = transitions[armed : armed + len(replayed)]
        assert [e for e, _ in lived] == [e for e, _ in replayed]
        assert [encode(t) for _, t in lived] == [encode(t) for _, t in replayed]
        assert replayed[-1][1].session.phase is Phase.FINISHED
        size = path.stat().st_size
        record_property(
            "figure", f"journal: {len(replayed)} events of a demo session, {size} bytes"
        )

    def test_the_disk_is_used_less_than_once_a_second(self, told, record_property):
        _, moments, began, ended, _ = told
        assert len(moments) <= ended - began
        record_property(
            "figure",
            f"journal and claim: {len(moments)} fsyncs in {ended - began:.0f} s of a session",
        )


class TestDamage:
    @pytest.fixture
    async def path(self, tmp_path):
        written = FileJournal(tmp_path)
        running = asyncio.create_task(written.run())
        await asyncio.sleep(0)
        written.begin("demo", OPENING)
        for at in range(50):
            written.append(Tick(at=at))
        written.end()
        await written.secure()
        running.cancel()
        await asyncio.wait({running})
        (path,) = files(tmp_path)
        return path

    async def test_a_file_cut_at_any_byte_keeps_every_complete_record(self, path):
        whole = path.read_bytes()
        lines = whole.splitlines(keepends=True)
        start = len(b"".join(lines[:40]))
        for end in range(start, len(whole) + 1):
            path.write_bytes(whole[:end])
            complete = whole[:end].count(b"\n") - 1
            # A record whose newline alone is missing is complete, too.
            last = whole[: end + 1].endswith(b"\n") and not whole[:end].endswith(b"\n")
            assert [Tick(at=at) for at in range(complete + last)] == events(path)

    async def test_a_record_that_was_changed_ends_the_story_before_it(self, path):
        lines = path.read_bytes().splitlines(keepends=True)
        for at in range(len(lines[20]) - 1):
            changed = bytearray(lines[20])
            changed[at] ^= 0x01
            path.write_bytes(b"".join([*lines[:20], bytes(changed), *lines[21:]]))
            assert len(events(path)) == 19, at

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"hello\n", b"00000000 {}\n", b"\xff" * 100, b"x" * 1_000_000]
    )
    async def test_what_is_no_journal_is_refused_with_a_sentence(self, tmp_path, content):
        path = tmp_path / "x.journal"
        path.write_bytes(content)
        with pytest.raises(JournalError, match="is not a session journal"):
            journal.read(path)

    async def test_a_journal_of_another_version_says_so(self, tmp_path):
        path = tmp_path / "x.journal"
        path.write_bytes(journal.encode_line(msgspec.structs.replace(OPENING, version=99)))
        with pytest.raises(JournalError, match="has version 99"):
            journal.read(path)

    async def test_a_file_that_is_not_there_says_so(self, tmp_path):
        with pytest.raises(JournalError, match="cannot be read"):
            journal.read(tmp_path / "none.journal")


class TestAFullDisk:
    def test_a_session_goes_on_and_is_recorded_again_when_there_is_room(
        self, stage_play, tmp_path, disk
    ):
        async def story(play):
            await play.run(20)
            disk.full = True
            await asyncio.sleep(10)
            assert play.session.phase is Phase.RUNNING
            assert play.stage.journal.failed is not None
            lost = play.stage.journal.dropped
            disk.full = False
            await asyncio.sleep(15)
            play.ask(Ask.STOP)
            await play.phase(Phase.FINISHED)
            await asyncio.sleep(5)
            assert play.stage.journal.failed is None
            return lost, play.session, play.belt

        lost, session, belt = stage_play(story, journal=lambda: FileJournal(tmp_path, disk.sync))
        assert lost > 0
        assert belt == 0
        first, *_, last = files(tmp_path)
        *_, (_, before) = replay(first)
        assert before.session.phase is Phase.RUNNING, "the first file is good up to the loss"
        *_, (_, after) = replay(last)
        assert (Phase.FINISHED, session.script) == (after.session.phase, after.session.script)

    def test_a_session_on_a_real_full_filesystem_is_walked_to_its_end(self, stage_play, tiny_disk):
        async def story(play):
            await walk(play.stage, play.program)
            return play.session.phase, play.stage.journal.failed, play.log

        phase, failed, log = stage_play(
            story,
            journal=lambda: FileJournal(tiny_disk / "journal"),
        )
        assert phase is Phase.FINISHED
        assert "No space left" in failed
        assert len(log.starts) == len(log.stops) == 3
        for path in files(tiny_disk / "journal"):
            data = path.read_bytes()
            assert data == b"" or data.endswith(b"\n"), "no record is torn"

    def test_no_belt_starts_when_the_disk_takes_no_claim(self, stage_play, tiny_disk):
        async def story(play):
            await play.reach("idle")
            await asyncio.to_thread(fill, tiny_disk)
            await play.arm()
            await play.stage.confirm()
            await play.phase(Phase.FAULTED)
            await asyncio.sleep(30)
            return play.session.fault.cause, play.log.starts, play.log.top_speed

        outcome = stage_play(story, ledger=lambda: FileLedger(tiny_disk))
        assert ("start_failed", [], 0) == outcome

    @pytest.fixture
    def tiny_disk(self, tmp_path):
        """A filesystem of 64 KiB; without the right to mount one, a limit would hit pytest as well."""
        mount = tmp_path / "tiny"
        mount.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)],
            check=False, capture_output=True,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.skip("mounting a small filesystem needs root")
        yield mount
        subprocess.run(["umount", str(mount)], check=True)

    async def test_a_directory_that_cannot_be_made_costs_nothing_but_the_journal(self, tmp_path):
        (tmp_path / "file").touch()
        written = FileJournal(tmp_path / "file" / "journal")
        running = asyncio.create_task(written.run())
        await asyncio.sleep(0)
        written.begin("demo", OPENING)
        written.append(Tick(at=1))
        await written.secure()
        assert written.gap
        assert written.failed is not None
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()


class TestManners:
    @pytest.mark.hazard("H23")
    async def test_a_slow_disk_costs_records_and_no_memory(self, tmp_path):
        written = FileJournal(tmp_path)
        written.begin("demo", OPENING)
        for at in range(journal.QUEUE + 100):
            written.append(Tick(at=at))
        assert written.gap
        assert written.dropped >= 100
        running = asyncio.create_task(written.run())
        await asyncio.sleep(0)
        await written.secure()
        written.begin("demo", OPENING)
        assert not written.gap, "a new beginning makes sense of what follows"
        running.cancel()
        await asyncio.wait({running})
        assert [journal.QUEUE - 2, 0] == [len(events(path)) for path in files(tmp_path)]

    async def test_old_sessions_are_deleted(self, tmp_path):
        for number in range(journal.KEPT + 20):
            (tmp_path / f"2020{number:04}.journal").touch()
        written = FileJournal(tmp_path)
        running = asyncio.create_task(written.run())
        await asyncio.sleep(0)
        written.begin("demo", OPENING)
        await written.secure()
        running.cancel()
        await asyncio.wait({running})
        kept = files(tmp_path)
        assert journal.KEPT == len(kept)
        assert kept[-1].name.endswith("demo.journal")

    async def test_the_last_records_are_written_when_the_service_ends(self, tmp_path):
        written = FileJournal(tmp_path / "journal")
        running = asyncio.create_task(written.run())
        await asyncio.sleep(0)
        written.begin("demo", OPENING)
        written.append(Tick(at=7))
        running.cancel()
        await asyncio.wait({running})
        (path,) = files(tmp_path / "journal")
        assert [Tick(at=7)] == events(path)
        # Who walked is in it.
        assert [0o600, 0o700] == [one.stat().st_mode & 0o777 for one in (path, path.parent)]

    async def test_securing_a_journal_that_nobody_writes_does_not_wait(self, tmp_path):
        async with asyncio.timeout(1):
            await FileJournal(tmp_path).secure()

    async def test_a_memory_journal_keeps_the_newest_session(self):
        kept = MemoryJournal()
        for at in (1, 2):
            kept.begin("demo", OPENING)
            kept.append(Tick(at=at))
            kept.end()
        assert [Tick(at=2)] == kept.events
