"""The run: what is measured when, so that the peers share the same minutes of the same machine.

Theory of operation
-------------------
Absolute times on a busy machine mean little; ratios of peers that took turns do. So:

- For each number of treadmills there are rounds. In each, both peers are started, one after the other (the
  order changes), on one fresh air; then they take turns sample by sample: a frame for the one, a frame for
  the other; a stop for the one, a stop for the other. Whatever else the machine does hits both.
- Then both peers walk the same program at the same time, each with treadmills of its own on one air: that
  gives memory, processor time, drift, and a few stops on a moving belt.

The broker is mosquitto on loopback; the radio is a process of its own (see `bench.radio` and `bench.wire`:
Bumble's cost is nobody's, as bluetoothd's is nobody's on a Raspberry Pi). Publishing and listening is done
here, in a third process. All times are CLOCK_MONOTONIC of one host.

A stop is measured with the belt at rest, because 500 starts of a belt with their spoken countdowns would
take three hours. The walk adds one stop on a moving belt for each treadmill: too few to judge by, so they
are shown and no budget hangs on them.

What is flattering and what is not: the bare script publishes with QoS 0 and keeps nothing; Backstride
publishes with QoS 1, journals to disk (fsync) and judges each command. The D-Bus marshalling that bleak does
on Linux is left out of both.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from bench.field import Field, open_field
from bench.measure import (
    Latencies,
    Start,
    Walk,
    measure_latencies,
    measure_start,
    measure_walk,
)
from bench.peers import Kind
from bench.plan import QUICK, Plan
from bench.report import Fleet, Report, check, make_report, show

RESULTS: Final = Path("var/bench")


def _machines(count: int, group: int) -> dict[str, str]:
    return {f"t{index}": f"C0:00:00:00:{group:02X}:{index:02X}" for index in range(count)}


async def take_turns(
    field: Field, plan: Plan, count: int
) -> tuple[dict[Kind, list[Start]], dict[Kind, list[Latencies]]]:
    """The cold starts and the latencies of both peers with `count` treadmills each."""
    starts: dict[Kind, list[Start]] = {kind: [] for kind in Kind}
    latencies: dict[Kind, list[Latencies]] = {kind: [] for kind in Kind}
    extra = plan.starts if count == 1 else 0
    part = -(-plan.samples // plan.rounds)
    for turn in range(plan.rounds + extra):
        # Whoever starts first has the machine to itself; next time it is the other one.
        order = tuple(Kind) if turn % 2 == 0 else tuple(reversed(Kind))
        fleets = {kind: _machines(count, group) for group, kind in enumerate(order)}
        pairs = zip(*(fleets[kind].values() for kind in order), strict=True)
        await field.set_up(dict.fromkeys((address for pair in pairs for address in pair), True))
        async with AsyncExitStack() as stack:
            peers = []
            for kind in order:
                peer = await stack.enter_async_context(field.make_peer(kind, fleets[kind]))
                starts[kind].append(await measure_start(field, peer))
                peers.append(peer)
            if turn < plan.rounds:
                found = await measure_latencies(field, tuple(peers), part, turn)
                for kind in Kind:
                    latencies[kind].append(found[kind])
    return starts, latencies


async def _walk(field: Field, count: int, seconds: int) -> dict[Kind, Walk]:
    product, bare = _machines(count, 0), _machines(count, 1)
    await field.set_up(dict.fromkeys((*product.values(), *bare.values()), False))
    async with (
        field.make_peer(Kind.BACKSTRIDE, product) as first,
        field.make_peer(Kind.BARE, bare) as second,
    ):
        return await measure_walk(field, (first, second), seconds)


async def _compile(field: Field) -> None:
    """Start each peer once, so that its bytecode is there, as it is where it was installed."""
    machines = _machines(1, 0)
    for kind in Kind:
        await field.set_up(dict.fromkeys(machines.values(), True))
        async with field.make_peer(kind, machines) as peer:
            await measure_start(field, peer)


async def run(plan: Plan, directory: Path) -> Report:
    """Measure everything."""
    begun = time.monotonic()
    fleets = []
    async with open_field(directory) as field:
        await _compile(field)
        for count, seconds in zip(plan.fleets, plan.sessions, strict=True):
            print(f"{count} treadmill(s): latencies and starts ...", file=sys.stderr, flush=True)
            starts, latencies = await take_turns(field, plan, count)
            print(f"{count} treadmill(s): walking ...", file=sys.stderr, flush=True)
            walks = await _walk(field, count, seconds)
            fleets.append(Fleet.of(count, starts, latencies, walks))
    return make_report(tuple(fleets), time.monotonic() - begun)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 1 when a budget is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one treadmill, few samples, < 40 s")
    parser.add_argument("--fleets", help="numbers of treadmills, such as 1,4")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where JSON and plots go")
    options = parser.parse_args(argv)
    plan = QUICK if options.quick else Plan()
    if options.fleets:
        fleets = tuple(int(count) for count in options.fleets.split(","))
        sessions = dict(zip(plan.fleets, plan.sessions, strict=True))
        plan = replace(
            plan, fleets=fleets, sessions=tuple(sessions.get(n, min(plan.sessions)) for n in fleets)
        )
    with tempfile.TemporaryDirectory() as directory:
        report = asyncio.run(run(plan, Path(directory)))
    options.output.mkdir(parents=True, exist_ok=True)
    report.write(options.output / "bench.json")
    from bench.plot import plot  # noqa: PLC0415  heavy, and only needed now

    paths = plot(report, options.output)
    show(report)
    print(f"\nwritten: {', '.join(map(str, (options.output / 'bench.json', *paths)))}")
    missed = check(report)
    for line in missed:
        print(f"BUDGET MISSED: {line}")
    if not missed:
        print("all budgets are kept")
    return 1 if missed else 0
