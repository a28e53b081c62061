"""Ten thousand frames that no sane machine sends: each is counted or understood, and none moves a belt."""

from __future__ import annotations

import asyncio
import random

import pytest

from backstride.domain.session import Phase
from backstride.virtual.gatt import Uuid
from backstride.virtual.log import STOP, Op
from backstride.virtual.outbox import Kind, Output

SEED = 20_261_120
FRAMES = 10_000
GOOD = [
    bytes.fromhex(text)
    for text in (
        "0000 6400",
        "8404 FA00 D20400 3800 FFFF FF 5802",
        "8C05 9600 A40100 1400 FF7F 1500 F000 04 70 2C01",
        "8D00 A40100 0A00 0600 1500 F000 04",
        "000D 9600 70 2C01 8403",
        "0800 5000 F1FF F7FF",
        "FE1F 3601 2701 701101 0F00 0900 7B00 0000 0101 9600 2C01 05 78 34 0807 0000 F4FF D8FF",
        "8007 01", "8000 01", "8008 01", "8002 05", "0201", "03", "04", "05 6400", "06 F1FF", "FF", "01 0E",
    )
]  # fmt: skip
STREAMS = [
    Uuid.TREADMILL_DATA, Uuid.TREADMILL_DATA, Uuid.TREADMILL_DATA,
    Uuid.MACHINE_STATUS, Uuid.TRAINING_STATUS, Uuid.CONTROL_POINT,
]  # fmt: skip


def make(rng):
    """A frame: random, cut, grown, or with bytes changed."""
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(40))
    frame = bytearray(rng.choice(GOOD))
    if kind == 1:
        del frame[rng.randrange(len(frame)) :]
    elif kind == 2:
        frame += rng.randbytes(rng.randrange(1, 30))
    elif kind == 3:
        for _ in range(rng.randrange(1, 5)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
    return bytes(frame)


def send(play, stream, data):
    client = play.stage.machine.clients[0]
    kind = Kind.INDICATE if stream is Uuid.CONTROL_POINT else Kind.NOTIFY
    play.stage.pump._deliver(Output(at=play.now, kind=kind, client=client, uuid=stream, data=data))


def test_random_frames_at_rest_are_counted_and_nothing_is_sent(stage_play, record_property):
    print(f"seed {SEED}")
    rng = random.Random(SEED)

    async def story(play):
        await play.reach("idle")
        for number in range(FRAMES):
            send(play, rng.choice(STREAMS), make(rng))
            if number % 10 == 0:
                await asyncio.sleep(0.05)
        assert not play.stage.life.done()
        counts = play.stage.treadmill.counts
        await asyncio.sleep(10)
        return play.log.writes, play.belt, counts, play.session.phase

    writes, belt, counts, phase = stage_play(story)
    assert ([], 0, Phase.IDLE) == (writes, belt, phase)
    assert sum(counts.values()) > 1_000
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    record_property("figure", f"fuzz: {FRAMES} frames at rest, counted {kinds}")


@pytest.mark.hazard("H04", "H06")
@pytest.mark.parametrize("seed", range(6))
def test_random_frames_during_a_session_only_ever_slow_it_down(seed, stage_play):
    rng = random.Random(SEED + seed)
    print(f"seed {SEED + seed}")

    async def story(play):
        await play.run(20)
        top = play.session.drive.target
        before = len(play.log.writes)
        for number in range(2_000):
            if not play.stage.machine.clients:
                break
            send(play, rng.choice(STREAMS), make(rng))
            if number % 10 == 0:
                await asyncio.sleep(0.05)
        assert not play.stage.life.done()
        for _ in range(90):
            await asyncio.sleep(1)
        return top, play, play.log.writes[before:]

    top, play, writes = stage_play(story)
    assert [] == [w for w in writes if w.opcode == Op.START]
    assert [] == [w for w in writes if w.opcode == Op.SPEED and w.speed_target > max(top, 80) + 30]
    assert min(play.log.incline_targets, default=0) >= 0
    assert max(play.log.speed_targets) <= 200
    handed_over = play.session.phase is Phase.HANDED_OVER or play.session.ended_by in {
        "console", "control_taken", "safety_key", "belt_moved",
    }  # fmt: skip
    assert handed_over or (play.belt == 0 and STOP in [w.data for w in writes])
