"""Every fault of the air in every phase of a session, over a whole Bluetooth stack: what the machine saw."""

from __future__ import annotations

import asyncio

import pytest

from backstride.virtual.fault_kinds import (
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Mismatch,
    Scope,
    Stream,
)

PHASES = ("armed", "countdown", "starting", "started", "running", "slowing", "stopping")
"""`starting`: the Start is about to be written; `started`: half a second later, the machine counts down."""
IDLE = "idle"
DONE = "finished: completed"
ASKED = "finished: finished by request"
STOPPED = "finished: stopped by request"
LOST = "faulted: link_lost"
BLIND = "faulted: blind"
MUTE = "faulted: no_answer"
UNSURE = "faulted: stop_unconfirmed"
TAKEN = "finished: control_taken"
UNIMPRESSED = (IDLE, DONE, DONE, DONE, DONE, ASKED, STOPPED)
AWAY = (IDLE, IDLE, LOST, LOST, LOST, LOST, LOST)


def frames(make, stream, lasting, **more):
    async def strike(rig):
        rig.plan(make(stream, Scope(lasting=lasting * 1_000), **more))

    return strike


def loss(lasting):
    async def strike(rig):
        await rig.lose_link(lasting)

    return strike


async def look_in(rig):
    """A second central connects and only looks."""
    await rig.visit()


async def take_over(rig):
    """A second central takes control and sets a speed of its own."""
    await rig.visit(b"\x00", b"\x02\x64\x00")


async def impostor(rig):
    """The machine is away, and one with the same name is there instead."""
    await rig.add_impostor()
    await rig.lose_link(20)


async def swapped(rig):
    """Another machine answers at the same address; the real one is gone for good."""
    await rig.swap_machine()


async def lock_out(rig):
    """The link is lost, and for a while the machine encrypts no new one."""
    rig.refuse_pairing()
    await rig.lose_link(1)
    await asyncio.sleep(15)
    rig.allow_pairing()


FAULTS = {
    "drop answers 5 s": (frames(Drop, Stream.ANSWERS, 5), UNIMPRESSED),
    "delay answers 1 s": (frames(Delay, Stream.ANSWERS, 6, by=1_000), UNIMPRESSED),
    "delay answers 10 s": (frames(Delay, Stream.ANSWERS, 6, by=10_000), UNIMPRESSED),
    "delay answers 40 s": (frames(Delay, Stream.ANSWERS, 6, by=40_000), UNIMPRESSED),
    "answers never come": (
        frames(Drop, Stream.ANSWERS, 200),
        (IDLE, MUTE, MUTE, MUTE, MUTE, ASKED, STOPPED),
    ),
    "delay data 2 s": (frames(Delay, Stream.TELEMETRY, 10, by=2_000), UNIMPRESSED),
    "duplicate all": (frames(Duplicate, Stream.EVERYTHING, 10), UNIMPRESSED),
    "mismatch answers": (frames(Mismatch, Stream.ANSWERS, 5), UNIMPRESSED),
    "corrupt data": (frames(Corrupt, Stream.TELEMETRY, 8), UNIMPRESSED),
    "mute data 4 s": (
        frames(Drop, Stream.TELEMETRY, 4),
        (IDLE, IDLE, DONE, DONE, DONE, ASKED, STOPPED),
    ),
    "mute data 20 s": (
        frames(Drop, Stream.TELEMETRY, 20),
        (IDLE, IDLE, BLIND, BLIND, BLIND, UNSURE, UNSURE),
    ),
    "mute all 10 s": (
        frames(Drop, Stream.EVERYTHING, 10),
        (IDLE, IDLE, BLIND, BLIND, BLIND, ASKED, STOPPED),
    ),
    "reorder status": (frames(Delay, Stream.STATUS, 10, by=2_500), UNIMPRESSED),
    "second central looks": (look_in, UNIMPRESSED),
    "second central takes": (take_over, (IDLE, TAKEN, TAKEN, TAKEN, TAKEN, ASKED, STOPPED)),
    "impostor, same name": (impostor, AWAY),
    "other machine, same address": (swapped, AWAY),
    "no encryption 15 s": (lock_out, AWAY),
    "loss 0.1 s": (loss(0.1), AWAY),
    "loss 1 s": (loss(1), AWAY),
    "loss 10 s": (loss(10), AWAY),
    "loss 60 s": (loss(60), AWAY),
}
"""Each fault with the end that a session comes to, by phase."""
CHANGES = {"no encryption 15 s": {"link": {"clients": 2, "encrypted": True}}}


@pytest.mark.hazard("H01", "H03", "H09", "H13", "H15", "H18", "H19", "H24")
@pytest.mark.hazard("H01", "H03", "H04", "H06", "H08", "H09", "H13", "H15", "H18", "H19", "H24")
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("fault", FAULTS)
def test_cell(fault, phase, play_cell, record_property):
    strike, ends = FAULTS[fault]

    async def story(rig):
        await rig.reach(phase)
        await strike(rig)
        return await rig.rest()

    outcome, rig = play_cell(story, **CHANGES.get(fault, {}))
    row = (
        f"ble {phase:9} {fault:28} {outcome.verdict:30} starts {outcome.starts} stops {outcome.stops}"
        f"  commands {len(rig.log.writes):2}  top {rig.log.top_speed / 100:.2f}  {outcome.took / 1000:6.1f} s"
    )
    record_property("figure", row)
    print(row, *rig.log.happenings, *rig.log.writes, sep="\n")
    assert [] == outcome.complaints
    assert ends[PHASES.index(phase)] == outcome.verdict
    # Nothing of what was ordered before the link was lost starts anything on a new one.
    assert outcome.starts <= (phase != "armed")
    assert outcome.stops >= outcome.starts or fault == "other machine, same address"
