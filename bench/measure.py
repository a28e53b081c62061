"""The measurements themselves: what is done to a peer, and what is read off it."""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect
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
_PROOF_S: Final = 0.2
_PERIOD_NS: Final = 900_000_000
"""Less than the second between two frames of a moving belt."""
_WARM_UP: Final = 10
_CYCLE_S: Final = 0.032
"""From a Stop to the next for the same treadmill: its belt must be proven still first."""
_SHORTEST_PAUSE_S: Final = 0.008
_FRAME_PAUSE_S: Final = 0.015
"""67 frames a second in all: four times what sixteen treadmills send."""


class Start(Struct, frozen=True):
    """Milliseconds from the start of the process.

    To: the notice to the service manager (None for the bare script, which gives none), `online` at the
    broker, and a state at the broker that tells a frame of each treadmill, the time over the radio included.
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
        await field.radio.ask("emit", field.machines, 0.02 / field.machines, 0)
        if not peer.running:
            break
    status = (
        [peer.topic(treadmill, "availability") for treadmill in peer.machines]
        if peer.kind is Kind.BACKSTRIDE
        else ["bare/status"]
    )
    await field.wait(lambda: all(topic in field.first_seen for topic in status), peer.log)
    state = first_frame()
    assert state is not None, peer.log

    def since(at: int) -> float:
        return (at - peer.spawned_at) / _NS

    return Start(
        ready=None if peer.ready_at is None else since(peer.ready_at),
        online=since(max(field.first_seen[topic] for topic in status)),
        state=since(state),
    )


async def measure_latencies(
    field: Field, peers: tuple[Peer, ...], samples: int, seed: int
) -> dict[Kind, Latencies]:
    """`samples` of each latency of each peer; peers and treadmills in turn, so that noise hits all alike."""
    await field.radio.ask("emit", _WARM_UP * field.machines, _FRAME_PAUSE_S / 3, seed)
    await field.radio.ask("records")
    await field.radio.ask("emit", samples * len(peers), _FRAME_PAUSE_S, seed + 1)
    await asyncio.sleep(_PROOF_S)
    frames, _ = await field.radio.ask("records")
    stops = await _stop_in_turn(field, peers, samples, random.Random(seed))
    found = {}
    for peer in peers:
        telemetry, frames_lost = _match_frames(field, frames, peer)
        known = tuple(stop for stop in stops[peer.kind] if stop is not None)
        found[peer.kind] = Latencies(
            known, telemetry, len(stops[peer.kind]) - len(known), frames_lost
        )
    return found


def _match_frames(
    field: Field, frames: list[tuple[str, int, int]], peer: Peer
) -> tuple[tuple[float, ...], int]:
    """Latencies of a peer's frames, and how many were never told."""
    topics = {address: peer.topic(name, "state") for name, address in peer.machines.items()}
    mine = [(topics[who], number, left) for who, number, left in frames if who in topics]
    told = [(field.frames.get((topic, number)), left) for topic, number, left in mine]
    latencies = tuple((at - left) / _NS for at, left in told if at is not None)
    return latencies, len(mine) - len(latencies)


async def _stop_in_turn(
    field: Field, peers: tuple[Peer, ...], samples: int, rng: random.Random
) -> dict[Kind, list[float | None]]:
    pause = max(_CYCLE_S / field.machines, _SHORTEST_PAUSE_S)
    latencies: dict[Kind, list[float | None]] = {peer.kind: [] for peer in peers}
    for index in range(samples + _WARM_UP):
        for peer in peers:
            names = list(peer.machines)
            name = names[index % len(names)]
            await _until_rest(field, peer, name)
            latency = await _stop(field, peer, name)
            if index >= _WARM_UP:
                latencies[peer.kind].append(latency)
            await asyncio.sleep(pause * rng.uniform(1.0, 1.5))
    return latencies


async def _until_rest(field: Field, peer: Peer, treadmill: str) -> None:
    """Wait until the last Stop is done with: Backstride sends no second one to a belt that it is stopping.

    The bare script has no phases and is always ready.
    """
    state = peer.topic(treadmill, "state")
    while field.states.get(state, {}).get("phase") == "stopping":
        with suppress(BenchError):
            await field.wait(
                lambda: field.states[state]["phase"] != "stopping", "stopping", _PROOF_S
            )
            return
        # The frames that should have proven rest came before the answer: everything was slow.
        await field.radio.ask("emit", 2 * field.machines, 0.005, 0)


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
        telemetry = [
            latency
            for name, address in peer.machines.items()
            for latency in _follow_frames(field, frames, address, peer.topic(name, "state"))
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


def _follow_frames(
    field: Field, frames: list[tuple[str, int, int]], address: str, topic: str
) -> list[float]:
    """Latencies of frames a second apart: the first message with another distance after each.

    By order and not by number, because Backstride counts a session's distance from its start.
    """
    told = sorted(at for (state, _), at in field.frames.items() if state == topic)
    latencies = []
    for who, _, left in frames:
        index = bisect(told, left)
        if who == address and index < len(told) and told[index] - left < _PERIOD_NS:
            latencies.append((told[index] - left) / _NS)
    return latencies


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
