"""`python -m bench.load`: up to 200 treadmills with real daemons against one mosquitto, and what it takes.

Theory of operation
-------------------
Processes of `bench.load_daemons` hold 25 treadmills each: everything in them is the product's, but for the
Bluetooth under bleak. They speak to one mosquitto over TCP, without TLS. All but one treadmill walk a program
while a stage is measured; that one rests, and its stops are timed by a process of its own (`bench.probe`),
from the moment before the message is handed to the socket until its answer was read. This process hears
everything that is said, as a screen on a gym's wall would, and counts it.

Stages of 25, 50, 100 and 200 treadmills show how each figure grows. At the end of the last one, `fleet stop
--all` stops all of them, by the product's own code.

All of it runs on this machine, so a stop also waits for a core that daemons use; on Pis of their own they do
not. The broker's processor time is the broker's alone, whatever else the machine does: from it comes what the
figures say of 5,000. It is what the scheduler counted, per message, times the messages of 5,000 walkers; a
straight line, beyond what was measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiomqtt
import msgspec
from msgspec import Struct
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from backstride.cli import fleet_stop
from backstride.mqtt.broker import HOST, Mosquitto
from backstride.mqtt.remote import Remote, RemoteSettings
from bench.abuse import cpu_s, go_first, resident_kib
from bench.measure import percentile
from bench.peers import PATH

STAGES: Final = (25, 50, 100, 200)
GROUP: Final = 25
"""Treadmills in a process."""
SECONDS: Final = 20.0
"""Of each measurement."""
STOPS: Final = 300
"""In each stage; the 99th percentile then has three worse ones behind it."""
PROGRAM: Final = "load"
PROGRAM_YAML: Final = """\
name: Load
goal: walk for as long as the load is measured
level: beginner
max speed: 2.0 km/h
steps:
  - warmup: 30 min
    facing: forward
    speed: 1.5 km/h
  - cooldown: 3 min
    speed: 1.0 km/h
"""
MANY: Final = 5_000
RESULTS: Final = Path("var/load")
LIMIT_MS: Final = 50.0
"""Within which a stop is answered, in 99 of 100 cases: as in `bench.abuse`."""
TOGETHER: Final = 10
PAUSE_S: Final = 2.0
"""So many treadmills are started at once, and the next after this: more is no gym's morning."""
ROUNDS: Final = 3
"""Who did not get to walk is asked again so often: on a busy machine a session may be stopped for its lag."""
COUNTDOWN_S: Final = 25.0
"""For one step of a start: a countdown and a machine that takes its time."""
_PATIENCE_S: Final = 180.0
_WALKING: Final = "running"


class Stage(Struct, frozen=True, kw_only=True):
    """One stage. Times in ms, memory in KiB, processor time as a part of one core."""

    treadmills: int
    walking: int
    messages: float
    """A second, from all daemons to the broker."""
    kilobytes: float
    """A second, of payload."""
    broker_cpu: float
    broker_kib: int
    daemons_cpu: float
    """Of all daemons together, with their virtual treadmills."""
    daemons_kib: int
    stops: int
    unanswered: int
    p50: float
    p99: float
    worst: float


class Result(Struct, frozen=True, kw_only=True):
    """The whole run. `stop_all_s`: until the last of `stopped` treadmills was confirmed at rest."""

    stages: tuple[Stage, ...]
    stopped: int
    at_rest: int
    stop_all_s: float
    load_average: float
    """Of this machine when it began: what else it did."""
    cores: int
    when: str

    @property
    def last(self) -> Stage:
        """The stage with most treadmills."""
        return self.stages[-1]

    def broker_core(self, treadmills: int) -> float:
        """The part of a core that the broker needs for so many walkers, along a straight line."""
        return self.last.broker_cpu / self.last.walking * treadmills

    def failures(self) -> list[str]:
        """What is worse than its bar, in words."""
        found = [
            f"{each.treadmills} treadmills: {each.unanswered} stops were not answered"
            for each in self.stages
            if each.unanswered
        ]
        if self.last.p99 > LIMIT_MS:
            found.append(
                f"a stop is answered within {self.last.p99:.1f} ms (p99), not {LIMIT_MS:.0f}"
            )
        if self.at_rest < self.stopped:
            found.append(f"{self.stopped - self.at_rest} treadmills are not confirmed at rest")
        return found


class Hall:
    """The broker, the daemons, and somebody who hears everything."""

    def __init__(self, directory: Path, broker: Mosquitto, mqtt: aiomqtt.Client) -> None:
        self.broker = broker
        self.daemons: list[asyncio.subprocess.Process] = []
        self.ids: list[str] = []
        self.messages = 0
        self.bytes = 0
        self._mqtt = mqtt
        self._directory = directory
        self._boots: dict[str, str] = {}
        self._phases: dict[str, str] = {}
        self._aged: set[str] = set()
        self._changed = asyncio.Event()
        self._heard = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        await self._mqtt.subscribe("backstride/#", qos=1)
        await self._mqtt.subscribe("homeassistant/#", qos=1)
        async for message in self._mqtt.messages:
            self.messages += 1
            self.bytes += len(message.payload)
            _, treadmill, topic = message.topic.value.split("/", 2)
            if topic == "info":
                self._boots[treadmill] = json.loads(message.payload)["boot"]
            elif topic == "state":
                state = json.loads(message.payload)
                self._phases[treadmill] = state["phase"]
                if state["age"] is not None:
                    self._aged.add(treadmill)
            self._changed.set()

    async def grow(self, total: int) -> None:
        """Start daemons until there are so many treadmills, and wait until all belts are seen."""
        while len(self.ids) < total:
            group = [
                f"mill-{len(self.ids) + n:03}" for n in range(min(GROUP, total - len(self.ids)))
            ]
            host = f"pi-{len(self.daemons)}"
            words = [str(self.broker.port), str(self._directory), host, *group]
            self.daemons.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "bench.load_daemons", *words,
                    env={**os.environ, "PYTHONPATH": PATH}, stdin=asyncio.subprocess.DEVNULL,
                )
            )  # fmt: skip
            self.ids += group
            await self.wait(
                lambda: self._aged >= set(self.ids) <= self._boots.keys(), "the daemons"
            )

    async def wait(self, condition: Any, what: str) -> None:
        """Wait until something is so."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            phases = Counter(self._phases.values())
            raise SystemExit(f"{what}: not within {_PATIENCE_S:.0f} s: {phases}") from None

    async def walk(self) -> list[str]:
        """Let all walk but the first: started over the broker, as people do, and not all in one instant."""
        walkers = self.ids[1:]
        for _ in range(ROUNDS):
            idle = [name for name in walkers if self._phases[name] != _WALKING]
            async with asyncio.TaskGroup() as group:
                for first in range(0, len(idle), TOGETHER):
                    group.create_task(self._walk(idle[first : first + TOGETHER]))
                    await asyncio.sleep(PAUSE_S)
            if all(self._phases[name] == _WALKING for name in walkers):
                break
        return walkers

    async def _walk(self, group: list[str]) -> None:
        """Bring some to walk, whatever they do now."""
        steps = (
            ("acknowledge", {"faulted"}, {}),
            ("start", {"idle", "finished"}, {"program": PROGRAM}),
            ("confirm", {"armed"}, {}),
        )
        for name, phases, more in steps:
            asked = [each for each in group if self._phases[each] in phases]
            for treadmill in asked:
                await self.command(treadmill, name, **more)
            await self._give(asked, lambda phase, before=phases: phase not in before)
        await self._give(group, lambda phase: phase == _WALKING)

    async def _give(self, group: list[str], reached: Callable[[str], bool]) -> None:
        """Give treadmills the time of a countdown to get somewhere; the next round asks who did not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNTDOWN_S):
                while not all(reached(self._phases[each]) for each in group):
                    self._changed.clear()
                    await self._changed.wait()

    async def command(self, treadmill: str, name: str, **more: object) -> None:
        """Send a command that proves that it is new."""
        note = {
            "v": 1, "id": f"load-{secrets.token_hex(6)}", "command": name, "ts": time.time(),
            "boot": self._boots[treadmill], **more,
        }  # fmt: skip
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call,unused-ignore]
        properties.MessageExpiryInterval = 10
        topic = f"backstride/{treadmill}/command"
        await self._mqtt.publish(topic, json.dumps(note), qos=1, properties=properties)

    def usage(self) -> tuple[float, float]:
        """Seconds on a core so far, of the broker and of all daemons."""
        return cpu_s(self.broker.pid), sum(cpu_s(each.pid) for each in self.daemons)

    async def measure(self) -> Stage:
        """One stage, with as many as are there."""
        walkers = await self.walk()
        begun, messages, size, used = time.monotonic(), self.messages, self.bytes, self.usage()
        await asyncio.sleep(SECONDS)
        lasted = time.monotonic() - begun
        messages, size = self.messages - messages, self.bytes - size
        broker, daemons = (now - then for now, then in zip(self.usage(), used, strict=True))
        # Stops are messages too: they are timed when the others have been counted.
        async with _probe(self.broker.port, f"backstride/{self.ids[0]}") as probe:
            latencies = await _stop(probe, STOPS)
        known = [each for each in latencies if each is not None]
        return Stage(
            treadmills=len(self.ids),
            walking=sum(self._phases[name] == _WALKING for name in walkers),
            messages=messages / lasted,
            kilobytes=size / lasted / 1_000,
            broker_cpu=broker / lasted,
            broker_kib=resident_kib(self.broker.pid),
            daemons_cpu=daemons / lasted,
            daemons_kib=sum(resident_kib(each.pid) for each in self.daemons),
            stops=len(latencies),
            unanswered=len(latencies) - len(known),
            p50=percentile(known, 0.5),
            p99=percentile(known, 0.99),
            worst=max(known, default=float("nan")),
        )

    async def close(self) -> None:
        """End everything that was started."""
        for each in self.daemons:
            each.send_signal(signal.SIGTERM)
        for each in self.daemons:
            try:
                await asyncio.wait_for(each.wait(), 60)
            except TimeoutError:
                each.kill()
                await each.wait()
        self._heard.cancel()
        await asyncio.gather(self._heard, return_exceptions=True)


@asynccontextmanager
async def _probe(port: int, prefix: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.probe", str(port), prefix,
        env={**os.environ, "PYTHONPATH": PATH},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _stop(probe: asyncio.subprocess.Process, count: int) -> list[float | None]:
    assert probe.stdin is not None
    assert probe.stdout is not None
    probe.stdin.write(f"{count}\n".encode())
    found: list[float | None] = json.loads(await probe.stdout.readline())
    return found


async def run(stages: tuple[int, ...], directory: Path) -> Result:
    """Measure everything."""
    load = os.getloadavg()[0]
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(directory))
        mqtt = await stack.enter_async_context(
            aiomqtt.Client(HOST, broker.port, protocol=aiomqtt.ProtocolVersion.V5, timeout=60)
        )
        (directory / "programs").mkdir()
        (directory / "programs" / f"{PROGRAM}.yaml").write_text(PROGRAM_YAML)
        hall = Hall(directory, broker, mqtt)
        stack.push_async_callback(hall.close)
        measured = []
        for total in stages:
            print(f"{total} treadmills ...", file=sys.stderr, flush=True)
            await hall.grow(total)
            measured.append(await hall.measure())
            print(measured[-1], file=sys.stderr, flush=True)
        print("stop for all ...", file=sys.stderr, flush=True)
        await hall.walk()
        async with Remote(RemoteSettings(host=HOST, port=broker.port)) as remote:
            known = await fleet_stop.find_all(remote)
            begun = time.monotonic()
            results = await fleet_stop.stop(remote, known)
            lasted = time.monotonic() - begun
        return Result(
            stages=tuple(measured),
            stopped=len(results),
            at_rest=sum(each.at_rest for each in results.values()),
            stop_all_s=lasted,
            load_average=load,
            cores=os.cpu_count() or 0,
            when=time.strftime("%Y-%m-%d"),
        )


def show(result: Result) -> None:
    """Print the table, and what it says of many more."""
    titles = (
        "treadmills", "walking", "msg/s", "kB/s", "broker %", "broker MB", "daemons %", "each %",
        "each MB", "stops", "lost", "p50 ms", "p99 ms", "worst",
    )  # fmt: skip
    print("".join(f"{title:>11}" for title in titles))
    for each in result.stages:
        row = (
            each.treadmills, each.walking, round(each.messages, 1), round(each.kilobytes, 1),
            round(each.broker_cpu * 100, 2), round(each.broker_kib / 1024, 1),
            round(each.daemons_cpu * 100, 1), round(each.daemons_cpu * 100 / each.treadmills, 2),
            round(each.daemons_kib / 1024 / each.treadmills, 1), each.stops, each.unanswered,
            round(each.p50, 2), round(each.p99, 2), round(each.worst, 2),
        )  # fmt: skip
        print("".join(f"{cell:>11}" for cell in row))
    last, first = result.last, result.stages[0]
    print(
        f"\nfleet stop --all: {result.at_rest} of {result.stopped} confirmed at rest within"
        f" {result.stop_all_s:.1f} s.\n{MANY:,} walkers, along a straight line:"
        f" {last.messages / last.walking * MANY:,.0f} messages/s,"
        f" {result.broker_core(MANY) * 100:.0f} % of a core for the broker."
    )
    if last.treadmills > first.treadmills:
        each = (last.broker_kib - first.broker_kib) / (last.treadmills - first.treadmills)
        megabytes = (last.broker_kib + each * (MANY - last.treadmills)) / 1024
        print(f"It takes {each:.0f} KiB for each treadmill, so some {megabytes:.0f} MB.")
    print(
        f"This machine: {result.cores} cores, load average {result.load_average:.1f} at the beginning."
    )


def main(argv: list[str] | None = None) -> int:
    """Run it; 1 when something is worse than its bar."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.load", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--stages", default=",".join(map(str, STAGES)), help="numbers of treadmills, growing"
    )
    parser.add_argument("--realtime", action="store_true", help="before everything else; for root")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where JSON and plot go")
    options = parser.parse_args(argv)
    stages = tuple(int(word) for word in options.stages.split(","))
    if options.realtime and not go_first():
        parser.error("--realtime is not allowed here; it needs root")
    # In memory, if there is some: 200 journals on one disk are nobody's gym.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        result = asyncio.run(run(stages, Path(directory)))
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "load.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    from bench.load_plot import plot  # noqa: PLC0415  matplotlib is slow to load

    show(result)
    print(f"written: {path}, {plot(result, options.output)}")
    missed = result.failures()
    for line in missed:
        print(f"BAR MISSED: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
