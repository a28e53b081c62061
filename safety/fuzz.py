"""Fuzzing of what strangers can hand us: programs, commands, telemetry, the control point's bytes, a strap's.

    python -m safety.fuzz                     every target for 30 s
    python -m safety.fuzz commands --seconds 5 --seed 7

A target takes bytes and raises `Flawed` when what came out is not what was promised; any exception but
those that the code promises is a flaw, too. Inputs are mutated from a corpus of sensible ones. An input
that reaches a line of `backstride` that none reached before joins the corpus: the interpreter's own
monitoring tells, and stops telling of a line once it was seen, so it costs next to nothing.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Final

import structlog

from backstride.domain.events import Ask, HeartRate
from backstride.domain.heart import FASTEST_PULSE, SLOWEST_PULSE
from backstride.domain.session import Phase, Session
from backstride.domain.step import step
from backstride.domain.units import MINUTE
from backstride.domain.workout import flatten
from backstride.ftms import codec, features, heartrate
from backstride.ftms.records import Records
from backstride.ftms.rejections import Rejected, Tally
from backstride.mqtt.commands import MUST_BE_NEW, Accepted, Desk, Moment
from backstride.mqtt.decode import Inbound, says_stop
from backstride.scripts.problems import ScriptError
from backstride.scripts.reader import read_program

PROGRAMS: Final = Path(__file__).parents[1] / "profiles" / "sessions"
BOOT: Final = "b00t"
WALL: Final = 1_764_000_000_000
SLOWEST: Final = 2.0
"""Nothing that anybody sends may keep us busy for so many seconds."""


class Flawed(Exception):  # noqa: N818  it is what it says
    """A promise about foreign bytes broke."""


def _demand(kept: bool, what: str) -> None:  # noqa: FBT001  read as: demand that, else
    if not kept:
        raise Flawed(what)


# --- targets ---------------------------------------------------------------------------------------


def programs(data: bytes) -> None:
    """A program is read, or refused with places and words; nothing outside the limits gets through."""
    try:
        program = read_program(data, "fuzz")
    except ScriptError as error:
        _demand(bool(error.problems), "refused without a problem")
        _demand(all(p.at.line >= 1 and p.at.column >= 1 for p in error.problems), "nowhere")
        _demand(len(str(error)) < 50_000, "an error as long as a book")
        return
    workout = flatten(program, 80)
    _demand(0 < len(workout.segments) <= 500, f"{len(workout.segments)} segments")
    _demand(0 < workout.duration <= 120 * MINUTE, f"{workout.duration} ms")
    _demand(0 < workout.top_speed <= 8_00, f"speed {workout.top_speed}")
    _demand(all(0 <= s.incline <= 100 for s in workout.segments), "an incline out of range")
    _demand(all(s.duration > 0 for s in workout.segments), "a step that takes no time")


def commands(data: bytes) -> None:
    """Any message is answered; a stop is always a stop; nothing old or stored moves a belt faster."""
    head, payload = data[:3].ljust(3, b"\0"), data[3:]
    topics = ("command", *(f"command/{ask}" for ask in Ask), "command/nonsense")
    topic = topics[head[0] % len(topics)]
    expiry = None if head[1] & 2 else head[2] % 30
    message = Inbound(
        topic=topic,
        payload=payload[:4096],
        size=len(payload),
        retain=bool(head[1] & 1),
        expiry=expiry,
    )
    desk = Desk(programs=lambda _: None, phase=lambda: "idle", boot=BOOT)
    when = Moment(at=1_000, wall=WALL, synchronised=not head[1] & 4)
    first = desk.judge(message, when)
    if says_stop(message.topic, message.payload):
        _demand(isinstance(first, Accepted) and first.request.ask is Ask.STOP, "a lost stop")
        return
    if not isinstance(first, Accepted):
        return
    ask = first.request.ask
    _demand(not message.retain, f"a retained {ask} was accepted")
    _demand(ask is not Ask.STOP or topic == "command", "a stop from nowhere")
    if ask in MUST_BE_NEW:
        soon = expiry is not None and expiry <= 10
        stamped = topic == "command" and b"ts" in payload
        booted = topic == "command" and BOOT.encode() in payload
        if topic != "command":
            _demand(soon, f"{ask} on a scalar topic proved nothing")
        elif when.synchronised:
            _demand(stamped or (booted and soon), f"{ask} proved nothing")
        else:
            _demand(booted and (stamped or soon), f"{ask} of any life was accepted")
    again = desk.judge(message, when)
    _demand(topic != "command" or not isinstance(again, Accepted), "the same id was obeyed twice")


class _Still:
    """A clock that stands, so that what is counted is logged once."""

    def now(self) -> int:
        return 1_000


def telemetry(data: bytes) -> None:
    """Frames become records or are counted; in range, never raising, and no frame moves a belt."""
    records, at = Records(1, Tally(_Still())), 1_000
    session = Session(phase=Phase.IDLE, linked=True, epoch=1)
    rest = data
    while rest:
        length, rest = rest[0] % 40, rest[1:]
        raw, rest = rest[:length], rest[length:]
        at += 10 + length * 7
        record = records.take(raw, at)
        if record is None:
            continue
        for name, low, high in _RANGES:
            value = getattr(record, name)
            _demand(value is None or low <= value <= high, f"{name} {value}")
        transition = step(session, record)
        _demand(not transition.orders, "a frame gave a command")
        session = transition.session


_RANGES: Final = (
    ("speed", 0, 65_535), ("incline", -32_768, 32_767), ("distance", 0, 2**24 - 1),
    ("elapsed", 0, 65_535), ("energy", 0, 65_534), ("heart_rate", 1, 255), ("steps", 0, 2**24 - 1),
)  # fmt: skip


def answers(data: bytes) -> None:
    """Whatever comes from the control point, the status or the ranges: a value or a rejection."""
    for decode in _DECODERS:
        decode(data)


_DECODERS: Final = tuple(
    function
    for module in (codec, features)
    for name, function in sorted(vars(module).items())
    if name.startswith(("decode", "parse", "read_"))
    and getattr(function, "__module__", "") == module.__name__
)


def straps(data: bytes) -> None:
    """What a strap sends is a measurement or refused; no heart moves a belt, and none is absurd."""
    session, at, rest = Session(phase=Phase.IDLE, linked=True, epoch=1), 1_000, data
    while rest:
        length, rest = rest[0], rest[1:]
        frame, rest = rest[:length], rest[length:]
        heartrate.decode_place(frame)
        charge = heartrate.decode_battery(frame)
        _demand(charge is None or 0 <= charge <= heartrate.FULL, f"charged {charge} %")
        measured = heartrate.decode_measurement(frame)
        if isinstance(measured, Rejected):
            continue
        _demand(0 <= measured.bpm <= 0xFFFF, f"a rate of {measured.bpm}")
        _demand(2 * len(measured.intervals) < len(frame), "more intervals than bytes")
        at += 10
        heard = HeartRate(at=at, bpm=measured.bpm, contact=measured.contact)
        transition = step(session, heard)
        _demand(not transition.orders, "a heart gave a command")
        session = transition.session
        rate = session.heart.rate
        _demand(rate is None or SLOWEST_PULSE <= rate <= FASTEST_PULSE, f"{rate} is no pulse")


@dataclass(frozen=True)
class Target:
    """What to fuzz, what to begin with, and the words its inputs are made of."""

    run: Callable[[bytes], None]
    corpus: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...]


def _sessions() -> list[bytes]:
    return [path.read_bytes() for path in sorted(PROGRAMS.glob("*.yaml"))]


def _messages() -> list[bytes]:
    heads = (b"\0\0\5", b"\0\4\5", b"\0\2\0", b"\1\0\5", b"\2\1\5", b"\3\0\xff")
    bodies = (
        b'{"v":1,"id":"a1","command":"start","program":"demo","ts":%d,"boot":"b00t"}' % WALL,
        b'{"v":1,"id":"a2","command":"confirm","ts":%d,"expect":"armed"}' % WALL,
        b'{"v":1,"id":"a3","command":"faster","ts":%d}' % WALL,
        b'{"v":1,"id":"a6","command":"speed","speed":1.2,"boot":"b00t"}',
        b'{"v":1,"id":"a7","command":"pause"}',
        b'{"v":1,"id":"a4","command":"continue","boot":"b00t"}',
        b'{"id":"a5","command":"stop"}',
        b"demo",
        b"STOP",
        b"",
    )
    return [head + body for head in heads for body in bodies]


def _frames() -> list[bytes]:
    known = (
        "0000 6400",
        "8404 FA00 D20400 3800 FFFF FF 5802",
        "8C05 9600 A40100 1400 FF7F 1500 F000 04 70 2C01",
        "8D00 A40100 0A00 0600 1500 F000 04",
        "000D 9600 70 2C01 8403",
        "0800 5000 F1FF F7FF",
        "FE1F 3601 2701 701101 0F00 0900 7B00 0000 0101 9600 2C01 05 78 34 0807 0000 F4FF D8FF",
    )
    frames = [bytes.fromhex(text) for text in known]
    wrapped = [bytes([len(frame)]) + frame for frame in frames]
    return [*wrapped, b"".join(wrapped)]


def _bytes() -> list[bytes]:
    known = ("800001", "800205", "800701", "800801", "0201", "03", "04", "056400", "06F1FF", "FF",
             "5000D0070A00", "E2FF96000500", "4512000001000000", "5C16000003000000", "010E")  # fmt: skip
    return [bytes.fromhex(text) for text in known]


def _beats() -> list[bytes]:
    known = ("00 48", "06 48", "04 00", "01 2C01", "16 50 F402 F202", "1E 5A 6400 0003 0103",
             "1F FFFF 0000 FF7F", "64", "05", "08 46 0100", "10 48" + "5503" * 122)  # fmt: skip
    frames = [bytes.fromhex(text) for text in known]
    wrapped = [bytes([len(frame)]) + frame for frame in frames]
    return [*wrapped, b"".join(wrapped)]


TARGETS: Final = {
    "programs": Target(
        programs,
        _sessions,
        (
            b"repeat: ",
            b"speed: ",
            b"turn: ",
            b"km/h",
            b"mph",
            b"%",
            b" min",
            b"\n",
            b"  ",
            b"- ",
            b"&a ",
            b"*a",
            b"!!python/object",
            b"<<: ",
            b"{",
            b"[",
            b": ",
            b"# ",
            b"1e9",
            b".nan",
            b"-1",
            b"\t",
            b"\xef\xbb\xbf",
            b"---\n",
            b"machine minimum",
            b"99999999",
        ),
    ),
    "commands": Target(
        commands,
        _messages,
        (
            b'"command":',
            b'"stop"',
            b'"start"',
            b"confirm",
            b'"ts":',
            b'"boot":"b00t"',
            b'"id":"',
            b"\\u0073top",
            b"{",
            b"}",
            b'"',
            b",",
            b"1764000000000",
            b"null",
            b"true",
            b"1e308",
            b"[[",
            b"\0",
            b"\xff\xfe",
        ),
    ),
    "telemetry": Target(
        telemetry,
        _frames,
        (b"\xff\xff", b"\x00\x00", b"\xff\x7f", b"\x00\x80", b"\x01\x00", b"\x00\x20"),
    ),
    "answers": Target(
        answers, _bytes, (b"\x80", b"\xff\xff", b"\x00\x00", b"\xff\x7f", b"\x05", b"\x02\x01")
    ),
    "straps": Target(
        straps, _beats, (b"\x02\x00", b"\x02\x06", b"\xff\xff", b"\x00\x04", b"\x10", b"\x48")
    ),
}


# --- the fuzzer ------------------------------------------------------------------------------------


@dataclass
class Result:
    """What a run saw."""

    name: str
    seed: int
    runs: int = 0
    corpus: int = 0
    lines: int = 0
    slowest: float = 0.0
    flaw: str = ""
    data: bytes = b""

    def line(self) -> str:
        """One line for a table."""
        verdict = f"FLAW {self.flaw}: {self.data!r}" if self.flaw else "no flaw"
        return (
            f"fuzz {self.name:<10} seed {self.seed}: {self.runs:>8,} inputs, {self.corpus:>5,} kept,"
            f" {self.lines:>5,} lines reached, slowest {self.slowest * 1000:.0f} ms; {verdict}"
        )


class _Lines:
    """Counts lines of the product that are reached for the first time."""

    def __init__(self) -> None:
        self.count = 0

    def hit(self, code: CodeType, line: int) -> object:
        if "backstride" in code.co_filename:
            self.count += 1
            del line
        return sys.monitoring.DISABLE


@contextmanager
def _watching(lines: _Lines) -> Iterator[None]:
    tool = sys.monitoring.OPTIMIZER_ID
    sys.monitoring.use_tool_id(tool, "backstride-fuzz")
    try:
        sys.monitoring.register_callback(tool, sys.monitoring.events.LINE, lines.hit)
        sys.monitoring.set_events(tool, sys.monitoring.events.LINE)
        sys.monitoring.restart_events()
        yield
    finally:
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)


def fuzz(name: str, seconds: float, seed: int) -> Result:
    """Fuzz one target for so many seconds, or to the first flaw."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    target, rng, lines = TARGETS[name], random.Random(seed), _Lines()  # noqa: S311  it must repeat
    result = Result(name, seed)
    corpus = list(target.corpus())
    until = time.monotonic() + seconds
    with _watching(lines):
        waiting = list(corpus)
        while time.monotonic() < until and not result.flaw:
            data = (
                waiting.pop() if waiting else _mutate(rng, rng.choice(corpus), corpus, target.words)
            )
            known, begun = lines.count, time.perf_counter()
            try:
                target.run(data)
            except Exception as error:  # noqa: BLE001  whatever it raises is the finding
                where = traceback.extract_tb(error.__traceback__)[-1]
                result.flaw = (
                    f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
                )
                result.data = data
            took = time.perf_counter() - begun
            result.slowest = max(result.slowest, took)
            if took > SLOWEST and not result.flaw:
                result.flaw, result.data = f"took {took:.1f} s", data
            if lines.count > known:
                corpus.append(data)
            result.runs += 1
    result.corpus, result.lines = len(corpus), lines.count
    return result


def _mutate(
    rng: random.Random, data: bytes, corpus: list[bytes], words: tuple[bytes, ...]
) -> bytes:
    """One to five small changes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at = rng.randint(0, len(out))
        match rng.randrange(8):
            case 0 if out:
                out[at % len(out)] = rng.randrange(256)
            case 1 if out:
                out[at % len(out)] ^= 1 << rng.randrange(8)
            case 2:
                del out[at : at + rng.randint(1, 12)]
            case 3:
                out[at:at] = out[at : at + rng.randint(1, 40)]
            case 4:
                other = rng.choice(corpus)
                begin = rng.randint(0, len(other))
                out[at:at] = other[begin : begin + rng.randint(1, 60)]
            case 5:
                out[at:at] = rng.choice(words)
            case 6:
                lines = bytes(out).split(b"\n")
                index = rng.randrange(len(lines))
                lines.insert(rng.randrange(len(lines)), lines.pop(index))
                out = bytearray(b"\n".join(lines))
            case _:
                out[at : at + 3] = str(rng.choice([0, -1, 7, 61, 501, 10**6, 2**31])).encode()
    return bytes(out[:70_000])


def main() -> int:
    """Fuzz what was asked; 1 when a flaw was found."""
    parser = argparse.ArgumentParser(prog="python -m safety.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="target", help=f"of {', '.join(TARGETS)}; default all"
    )
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--json", action="store_true", help="the totals as JSON, last")
    chosen = parser.parse_args()
    seed = time.time_ns() % 2**32 if chosen.seed is None else chosen.seed
    results = []
    for name in chosen.targets or TARGETS:
        results.append(fuzz(name, chosen.seconds, seed))
        print(results[-1].line(), flush=True)
    if chosen.json:
        told = {result.name: result.runs for result in results}
        flaws = [result.name for result in results if result.flaw]
        print(json.dumps({"seed": seed, "inputs": told, "flaws": flaws}))
    return 1 if any(result.flaw for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
