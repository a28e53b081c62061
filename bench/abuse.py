"""`python -m bench.abuse`: a stop among abuse. One broker, one daemon, strangers who send what they like.

Theory of operation
-------------------
Broker, daemon, virtual radio, senders and the author of the stops are processes of their own; two cores
carry all of them, so what is measured is worse than on hosts of their own. In each round a sender abuses the
command topic for some seconds, at its rate from before the first stop until after the last one, while
the author sends stops one by one and waits for each answer (`bench.probe`). The first and the last round are
quiet: what they take is the machine's.

The broker is the worst case: everybody may publish, nothing limits the size of a message. A broker set
up with `backstride broker init` lets in fewer people and no large messages.

On a machine that does other things too, a stop also waits for a core, and no daemon can help that. With
`--realtime` (for root) everything here goes before everything else on the machine, at equal rights among
itself. Without it, on a machine with more to do than it has cores, the tail of the figures is that of its
scheduler: a daemon that sleeps is woken at once, one that is flooded takes its turn.

Whether something started is asked of the virtual treadmill, not of the daemon: no Start (0x07) may arrive at
its control point. Memory is VmRSS of daemon and broker, before the first round and at its highest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bench.field import Field, open_field
from bench.measure import percentile
from bench.peers import PATH, Kind, Peer

LIMIT_MS: Final = 50.0
"""Within which a stop is answered, in 99 of 100 cases."""
GROWTH_KIB: Final = 8 * 1024
"""More memory than before that a daemon may hold after a million messages."""
STOPS: Final = 300
"""In each round; the 99th percentile then has three worse ones behind it."""
RESULTS: Final = Path("var/bench")
_TREADMILL: Final = "t0"
_ADDRESS: Final = "C0:00:00:00:00:00"
_HEARD: Final = ("state", "info", "session")
_START: Final = 0x07
_WARM_UP: Final = 20
_SERIES: Final = 50
"""Stops that are sent before it is asked whether there were enough."""
_COUNTED_S: Final = 20.0
"""The daemon tells what it refused every 10 s."""


class Round(Struct, frozen=True):
    """Who abuses: kinds of `bench.junk`, each with messages a second; `seconds` at least."""

    name: str
    senders: tuple[tuple[str, float], ...] = ()
    seconds: float = 0.0


FULL: Final = (
    Round("quiet"),
    Round("junk, 10,000/s", (("noise", 10_000),)),
    Round("1 MB payloads, 50/s", (("large", 50),)),
    Round("deeply nested JSON, 2,000/s", (("deep", 2_000),)),
    Round("invalid UTF-8, 10,000/s", (("not-text", 10_000),)),
    Round("starts that must not count, 10,000/s", (("starts", 10_000),)),
    Round("ten topics, 10,000/s", (("names", 10_000),)),
    Round("a million ids, 20,000/s", (("ids", 20_000),), 50.0),
    Round(
        "all at once, 10,000/s",
        (("noise", 3_000), ("large", 10), ("deep", 500), ("not-text", 3_000), ("starts", 3_500)),
    ),
    Round("quiet again"),
)
QUICK: Final = (
    Round("quiet"),
    Round(
        "all at once, 10,000/s",
        (("noise", 3_000), ("large", 5), ("deep", 500), ("not-text", 3_000), ("starts", 3_500)),
    ),
)


class Figures(Struct, frozen=True, kw_only=True):
    """One round. Times in ms, memory in KiB, processor time as a part of one core."""

    name: str
    sent: int
    rate: float
    stops: int
    unanswered: int
    p50: float
    p99: float
    worst: float
    daemon: int
    broker: int
    daemon_cpu: float
    broker_cpu: float


class Result(Struct, frozen=True, kw_only=True):
    """The whole run. `starts` arrived at the treadmill; `armed`: a program was, once."""

    rounds: tuple[Figures, ...]
    daemon_before: int
    broker_before: int
    daemon_after: int
    broker_after: int
    starts: int
    armed: bool
    refused: dict[str, int]
    realtime: bool

    def failures(self) -> list[str]:
        """What is worse than its bar, in words."""
        found = [
            f"{each.name}: a stop is answered within {each.p99:.1f} ms (p99), not {LIMIT_MS:.0f}"
            for each in self.rounds
            if each.p99 > LIMIT_MS or each.unanswered
        ]
        if self.starts or self.armed:
            found.append(f"something started: {self.starts} Starts at the treadmill")
        if self.daemon_after - self.daemon_before > GROWTH_KIB:
            found.append(f"the daemon kept {self.daemon_after - self.daemon_before} KiB")
        return found


@asynccontextmanager
async def _helper(module: str, *words: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of ours that has said that it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *(str(word) for word in words),
        env={**os.environ, "PYTHONPATH": PATH},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    try:
        assert await _line(process) == b"ready\n", module
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await asyncio.wait_for(process.stdout.readline(), 120)


def _tell(process: asyncio.subprocess.Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())


async def _stop(probe: asyncio.subprocess.Process, count: int) -> list[float | None]:
    _tell(probe, str(count))
    found: list[float | None] = json.loads(await _line(probe))
    return found


def cpu_s(pid: int) -> float:
    """The time that a process was on a core so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid: int) -> int:
    """VmRSS of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


class Yard:
    """One daemon at one broker, with the author of the stops."""

    def __init__(self, field: Field, peer: Peer, probe: asyncio.subprocess.Process) -> None:
        self.field = field
        self.peer = peer
        self._probe = probe

    @property
    def memory(self) -> tuple[int, int]:
        """Of daemon and broker."""
        return self.peer.resident_kib(), resident_kib(self.field.broker.pid)

    @property
    def cpu(self) -> tuple[float, float]:
        """Seconds on a core, of daemon and broker."""
        return self.peer.cpu_ns() / 1e9, cpu_s(self.field.broker.pid)

    async def run(self, wanted: Round, stops: int) -> Figures:
        """Abuse, and stop meanwhile."""
        topic, port = self.peer.topic(_TREADMILL, "").rstrip("/"), self.field.broker.port
        # Each stop takes its pause and a little; the senders outlast the last one.
        seconds = max(stops * 0.06 + 1.0, wanted.seconds)
        latencies: list[float | None] = []
        sent = 0
        rate = 0.0
        async with AsyncExitStack() as stack:
            senders = [
                await stack.enter_async_context(
                    _helper("bench.junk", port, topic, kind, a_second, seconds)
                )
                for kind, a_second in wanted.senders
            ]
            for sender in senders:
                _tell(sender, "go")
            begun, cpu = time.monotonic(), self.cpu
            if senders:
                await asyncio.sleep(0.5)
            while len(latencies) < stops or time.monotonic() - begun < wanted.seconds:
                latencies += await _stop(self._probe, min(stops, _SERIES))
            memory = self.memory
            lasted = time.monotonic() - begun
            used = [(now - then) / lasted for now, then in zip(self.cpu, cpu, strict=True)]
            for sender in senders:
                told = json.loads(await _line(sender))
                sent += int(told["sent"])
                rate += told["sent"] / told["seconds"]
        known = [latency for latency in latencies if latency is not None]
        return Figures(
            name=wanted.name,
            sent=sent,
            rate=rate,
            stops=len(latencies),
            unanswered=len(latencies) - len(known),
            p50=percentile(known, 0.5),
            p99=percentile(known, 0.99),
            worst=max(known, default=float("nan")),
            daemon=memory[0],
            broker=memory[1],
            daemon_cpu=used[0],
            broker_cpu=used[1],
        )

    async def settle(self) -> None:
        """Wait until the daemon is through with what came: its answer to us comes last."""
        await _stop(self._probe, _WARM_UP)


@asynccontextmanager
async def open_yard(directory: Path) -> AsyncIterator[Yard]:
    """Start everything, and return when the treadmill is known."""
    async with open_field(directory) as field:
        machines = {_TREADMILL: _ADDRESS}
        # The listener must not hear the abuse: it would be one more who suffers from it.
        await field.mqtt.unsubscribe(f"{Kind.BACKSTRIDE}/#")
        for name in _HEARD:
            await field.mqtt.subscribe(f"{Kind.BACKSTRIDE}/+/{name}")
        await field.set_up({_ADDRESS: True})
        async with field.make_peer(Kind.BACKSTRIDE, machines) as peer:
            state = peer.topic(_TREADMILL, "state")
            await field.wait(
                lambda: field.states.get(state, {}).get("phase") == "idle",
                f"the daemon: {peer.log}",
            )
            prefix = f"{Kind.BACKSTRIDE}/{_TREADMILL}"
            async with _helper("bench.probe", field.broker.port, prefix) as probe:
                yield Yard(field, peer, probe)


def go_first() -> bool:
    """Let this process and its children go before all others; tell whether the system allows it."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False
    return True


async def run(rounds: tuple[Round, ...], stops: int, directory: Path) -> Result:
    """Measure everything."""
    async with open_yard(directory) as yard:
        field, figures = yard.field, []
        await yard.settle()
        before = yard.memory
        for each in rounds:
            print(f"{each.name} ...", file=sys.stderr, flush=True)
            figures.append(await yard.run(each, stops))
        await yard.settle()
        after = yard.memory
        info = yard.peer.topic(_TREADMILL, "info")
        await field.wait(lambda: bool(field.states[info]["refused"]), "the count", _COUNTED_S)
        return Result(
            rounds=tuple(figures),
            daemon_before=before[0],
            broker_before=before[1],
            daemon_after=after[0],
            broker_after=after[1],
            starts=sum(data[0] == _START for _, _, data in field.writes),
            armed=yard.peer.topic(_TREADMILL, "session") in field.first_seen,
            refused=field.states[info]["refused"],
            realtime=os.sched_getscheduler(0) == os.SCHED_RR,
        )


def show(result: Result) -> None:
    """Print the table."""
    titles = (
        "round",
        "sent/s",
        "stops",
        "lost",
        "p50 ms",
        "p99 ms",
        "worst",
        "daemon MB",
        "broker MB",
        "daemon %",
        "broker %",
    )
    print(f"{titles[0]:38}" + "".join(f"{title:>10}" for title in titles[1:]))
    for each in result.rounds:
        print(
            f"{each.name:38}{each.rate:10,.0f}{each.stops:10}{each.unanswered:10}"
            f"{each.p50:10.2f}{each.p99:10.2f}{each.worst:10.2f}"
            f"{each.daemon / 1024:10.1f}{each.broker / 1024:10.1f}"
            f"{each.daemon_cpu * 100:10.0f}{each.broker_cpu * 100:10.0f}"
        )
    sent = sum(each.sent for each in result.rounds)
    print(
        f"\n{sent:,} messages of abuse. Daemon {result.daemon_before / 1024:.1f} MB before,"
        f" {result.daemon_after / 1024:.1f} MB after; broker {result.broker_before / 1024:.1f} MB before,"
        f" {result.broker_after / 1024:.1f} MB after. Starts at the treadmill: {result.starts}."
    )
    print(f"refused, by code: {result.refused}")
    if result.realtime:
        print("before everything else on this machine (--realtime)")


def main(argv: list[str] | None = None) -> int:
    """Run it; 1 when something is worse than its bar."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.abuse", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="two rounds, few stops")
    parser.add_argument("--stops", type=int, default=STOPS, help="in each round")
    parser.add_argument("--realtime", action="store_true", help="before everything else; for root")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(argv)
    if options.realtime and not go_first():
        parser.error("--realtime is not allowed here; it needs root")
    with tempfile.TemporaryDirectory() as directory:
        result = asyncio.run(run(QUICK if options.quick else FULL, options.stops, Path(directory)))
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "abuse.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    show(result)
    print(f"written: {path}")
    missed = result.failures()
    for line in missed:
        print(f"BAR MISSED: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
