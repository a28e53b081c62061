"""The measurements themselves: what is done to a peer, and what is read off it."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from typing import Final

from msgspec import Struct

from bench.field import BenchError, Field
from bench.peers import PROGRAM, Kind, Peer
from bench.plan import STEP_S

_NS: Final = 1_000_000
_STOP: Final = 0x08
_SPEED: Final = 0x02
_ANSWERS_S: Final = 2.0
_WARM_UP: Final = 10
_CYCLE_S: Final = 0.045
"""From a Stop to the next for the same treadmill: its belt must be proven still first."""
_SHORTEST_PAUSE_S: Final = 0.008
_FRAME_PAUSE_S: Final = 0.02
"""50 frames a second in all: three times what sixteen treadmills send."""


class Start(Struct, frozen=True):
    """Milliseconds from the start of the process to: the notice to the service manager (None for the bare
    script, which gives none), `online` at the broker, and a state at the broker that tells a frame of each
    treadmill, with the time over the radio in it.
    """

    ready: float | None
    online: float
    state: float


class Latencies(Struct, frozen=True):
    """Milliseconds, one for each sample; and how many never came."""

    stop: tuple[float, ...]
    telemetry: tuple[float, ...]
    stops_lost: int
    frames_lost: int


class Walk(Struct, frozen=True):
    """A session on a moving belt at 1 Hz telemetry.

    `cpu` in s per treadmill-hour, `resident` in KiB. `lags`: for each treadmill how late each boundary of the
    program was, in ms after the first one of its direction. `stop` and `telemetry` as in `Latencies`.
    """

    cpu: float
    resident: int
    lags: tuple[tuple[float, ...], ...]
    stop: tuple[float, ...]
    telemetry: tuple[float, ...]


def percentile(values: list[float] | tuple[float, ...], part: float) -> float:
    """The value below which `part` of the values are (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else float("nan")


async def measure_start(field: Field, peer: Peer) -> Start:
    """Wait until each treadmill of a peer has told a frame, and say when everything came."""

    def first_frame() -> int | None:
        found = [
            min((at for (topic, _), at in field.frames.items() if topic == state), default=None)
            for state in (peer.topic(treadmill, "state") for treadmill in peer.machines)
        ]
        known = [at for at in found if at is not None]
        return max(known) if len(known) == len(found) else None

    while first_frame() is None:
        await field.radio.ask("emit", len(peer.machines), 0.02 / len(peer.machines), 0)
        if not peer.running:
            break
    status = (
        [peer.topic(treadmill, "availability") for treadmill in peer.machines]
        if peer.kind is Kind.BACKSTRIDE
        else ["bare/status"]
    )
    await field.wait(lambda: all(topic in field.first_seen for topic in status), f"{peer.log}")
    state = first_frame()
    assert state is not None, peer.log

    def since(at: int) -> float:
        return (at - peer.spawned_at) / _NS

    return Start(
        ready=None if peer.ready_at is None else since(peer.ready_at),
        online=since(max(field.first_seen[topic] for topic in status)),
        state=since(state),
    )


async def measure_latencies(field: Field, peer: Peer, samples: int, seed: int) -> Latencies:
    """`samples` of each latency, the treadmills in turn."""
    await field.radio.ask("emit", _WARM_UP, _FRAME_PAUSE_S, seed)
    await field.radio.ask("records")
    await field.radio.ask("emit", samples, _FRAME_PAUSE_S, seed + 1)
    telemetry, frames_lost = await _match_frames(field, peer)
    stops, stops_lost = await _stop_in_turn(field, peer, samples, random.Random(seed))
    return Latencies(tuple(stops), tuple(telemetry), stops_lost, frames_lost)


async def _match_frames(field: Field, peer: Peer) -> tuple[list[float], int]:
    """Latencies of the frames that left since the last time, and how many were never told."""
    await asyncio.sleep(0.2)
    frames, _ = await field.radio.ask("records")
    topics = {address: peer.topic(name, "state") for name, address in peer.machines.items()}
    latencies, lost = [], 0
    for address, number, left in frames:
        if (topic := topics.get(address)) is None:
            continue
        told = field.frames.get((topic, number))
        if told is None:
            lost += 1
        else:
            latencies.append((told - left) / _NS)
    return latencies, lost


async def _stop_in_turn(
    field: Field, peer: Peer, samples: int, rng: random.Random
) -> tuple[list[float], int]:
    pause = max(_CYCLE_S / len(peer.machines), _SHORTEST_PAUSE_S)
    latencies: list[float] = []
    lost = 0
    names = list(peer.machines)
    for index in range(samples + _WARM_UP):
        name = names[index % len(names)]
        with suppress(BenchError):
            # Backstride sends no second Stop to a belt that it is stopping; the bare script has no phases.
            await field.wait(
                lambda n=name: (  # type: ignore[misc]
                    field.states.get(peer.topic(n, "state"), {}).get("phase") != "stopping"
                ),
                "stopping",
                _ANSWERS_S,
            )
        latency = await _stop(field, peer, name)
        if index >= _WARM_UP:
            lost += latency is None
            latencies += [] if latency is None else [latency]
        await asyncio.sleep(pause * rng.uniform(1.0, 1.5))
    return latencies, lost


async def _stop(field: Field, peer: Peer, treadmill: str) -> float | None:
    """Publish a stop; the ms until its write arrived at the peripheral, None if it did not."""
    address = peer.machines[treadmill]
    field.writes.clear()
    sent = await field.command(peer, treadmill, "stop")

    def arrived() -> int | None:
        return next(
            (at for who, at, data in field.writes if who == address and data[0] == _STOP), None
        )

    try:
        await field.wait(lambda: arrived() is not None, "stop", _ANSWERS_S)
    except BenchError:
        return None  # counted by the caller
    at = arrived()
    return None if at is None else (at - sent) / _NS


async def measure_walk(field: Field, peers: tuple[Peer, ...], seconds: int) -> dict[Kind, Walk]:
    """Let all peers walk the program at the same time, for `seconds`."""
    for peer in peers:
        await _set_off(field, peer)
    await field.wait(lambda: all(_walks(field, peer) for peer in peers), "walking")
    await asyncio.sleep(2)
    await field.radio.ask("records")
    begun = time.monotonic_ns()
    before = {peer.kind: peer.cpu_ns() for peer in peers}
    await asyncio.sleep(seconds)
    lasted = time.monotonic_ns() - begun
    used = {peer.kind: peer.cpu_ns() - before[peer.kind] for peer in peers}
    writes = list(field.writes)
    frames, _ = await field.radio.ask("records")
    walks = {}
    for peer in peers:
        resident = peer.resident_kib()
        topics = {address: peer.topic(name, "state") for name, address in peer.machines.items()}
        telemetry = [
            (field.frames[topics[address], number] - left) / _NS
            for address, number, left in frames
            if address in topics and (topics[address], number) in field.frames
        ]
        stops = [await _stop(field, peer, treadmill) for treadmill in peer.machines]
        hours = lasted / 3_600e9 * len(peer.machines)
        walks[peer.kind] = Walk(
            cpu=used[peer.kind] / 1e9 / hours,
            resident=resident,
            lags=tuple(find_lags(writes, address) for address in peer.machines.values()),
            stop=tuple(stop for stop in stops if stop is not None),
            telemetry=tuple(telemetry),
        )
    return walks


async def _set_off(field: Field, peer: Peer) -> None:
    if peer.kind is Kind.BARE:
        for treadmill in peer.machines:
            await field.command(peer, treadmill, "program")
        return
    for treadmill in peer.machines:
        state = peer.topic(treadmill, "state")
        info = peer.topic(treadmill, "info")
        await field.wait(
            lambda s=state, i=info: (  # type: ignore[misc]
                i in field.states and field.states.get(s, {}).get("speed", {}).get("measured") == 0
            ),
            f"{treadmill}: {peer.log}",
        )
        await field.command(peer, treadmill, "start", program=PROGRAM)
        await field.wait(
            lambda s=state: field.states[s]["phase"] == "armed",  # type: ignore[misc]
            f"armed {field.states.get(peer.topic(treadmill, 'response'))}",
        )
        await field.command(peer, treadmill, "confirm")


def _walks(field: Field, peer: Peer) -> bool:
    states = [field.states.get(peer.topic(treadmill, "state")) for treadmill in peer.machines]
    if peer.kind is Kind.BARE:
        return all(state is not None and state["speed"] for state in states)
    return all(state is not None and state["phase"] == "running" for state in states)


def find_lags(writes: list[tuple[str, int, bytes]], address: str) -> tuple[float, ...]:
    """How late each boundary of the program was, in ms.

    A boundary is the first write in the other direction than the last one, from the first fall on (before it
    the session finds its speed). Going up and going down are compared with the first of their own kind: a cue
    goes before a rise, so they differ by a constant.
    """
    boundaries: list[tuple[int, bool]] = []
    target: int | None = None
    for who, at, data in writes:
        if who != address or data[0] != _SPEED:
            continue
        wanted = int.from_bytes(data[1:3], "little")
        if target is not None and wanted != target:
            rises = wanted > target
            if boundaries[-1][1] is not rises if boundaries else not rises:
                boundaries.append((at, rises))
        target = wanted
    lags = []
    for kind in (True, False):
        times = [(index, at) for index, (at, rises) in enumerate(boundaries) if rises is kind]
        lags += [
            (at - times[0][1]) / _NS - (index - times[0][0]) * STEP_S * 1_000
            for index, at in times[1:]
        ]
    return tuple(lags)
