"""Faults as a person writes them, one a line; used by `backstride virtual --fault` and by tests.

30 s after start: mute telemetry for 4 s
10 s after motion: press stop
corrupt telemetry 10 % for 1 min
refuse speed with 05 twice
2 s after connect: disconnect for 5 s
"""

import re
from collections.abc import Callable

from backstride.domain.errors import BackstrideError
from backstride.domain.units import Ms, parse_duration, parse_incline, parse_speed
from backstride.virtual.fault_kinds import (
    Button,
    Corrupt,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    Fault,
    Freeze,
    Mismatch,
    Press,
    Refuse,
    Reset,
    Scope,
    SetIncline,
    SetSpeed,
    Stream,
    TakeControl,
    Trigger,
)
from backstride.virtual.faults import Faults
from backstride.virtual.log import Op

_WHEN = re.compile(
    r"(?:(?P<after>[\d.]+ ?[a-z]+) )?after (?P<trigger>[a-z]+)|at (?P<at>[\d.]+ ?[a-z]+)"
)
_SCOPE = (
    r"(?: (?P<percent>\d{1,3}) ?%)?"
    r"(?: (?P<times>once|twice|\d+ times))?"
    r"(?: for (?P<lasting>[\d.]+ ?[a-z]+))?"
)
_STREAMS = "|".join(stream.name.lower() for stream in Stream)
_FRAMES = re.compile(
    rf"(?P<verb>drop|mute|duplicate|corrupt|mismatch|freeze|delay) (?P<stream>{_STREAMS})"
    rf"(?: by (?P<by>[\d.]+ ?[a-z]+))?{_SCOPE}"
)
_PROCEDURES = {
    "control": Op.REQUEST_CONTROL,
    "speed": Op.SPEED,
    "incline": Op.INCLINE,
    "start": Op.START,
    "stop": Op.STOP_OR_PAUSE,
    "everything": None,
}
_REFUSE = re.compile(
    rf"refuse (?P<procedure>{'|'.join(_PROCEDURES)}) with (?P<result>0[1-5]){_SCOPE}"
)
_SILENT = re.compile(rf"silent control point{_SCOPE}")
_DISCONNECT = re.compile(r"disconnect(?: for (?P<absent>[\d.]+ ?[a-z]+))?")
_PRESS = re.compile(r"press (?:speed (?P<speed>.+)|incline (?P<incline>.+))")
_ACTS: dict[str, Fault] = {
    "press start": Press(Button.START),
    "press stop": Press(Button.STOP),
    "press pause": Press(Button.PAUSE),
    "pull key": Press(Button.PULL_KEY),
    "insert key": Press(Button.INSERT_KEY),
    "step on": Press(Button.STEP_ON),
    "step off": Press(Button.STEP_OFF),
    "take control": TakeControl(),
    "reset": Reset(),
}
_FILTERS: dict[str, Callable[[Stream, Scope], Fault]] = {
    "drop": Drop,
    "mute": Drop,
    "duplicate": Duplicate,
    "corrupt": Corrupt,
    "mismatch": Mismatch,
    "freeze": Freeze,
}
_ACCEPTED = (
    "`[TIME after connect|start|motion|stop|rest: | at TIME: ]` and then "
    f"`drop|mute|duplicate|corrupt|mismatch|freeze {_STREAMS}`, `delay STREAM by TIME`, "
    f"`refuse {'|'.join(_PROCEDURES)} with 01..05`, `silent control point` - each with `N %`, "
    "`once|twice|N times`, `for TIME` - or `disconnect [for TIME]`, `press speed 2 km/h`, "
    f"`press incline 1 %`, {', '.join(f'`{act}`' for act in _ACTS)}"
)


class FaultTextError(BackstrideError):
    """A line of a fault script is not understood."""

    def __init__(self, line: str) -> None:
        super().__init__(f"{line!r} is no fault; write {_ACCEPTED}")
        self.line = line


def plan_script(faults: Faults, text: str) -> None:
    """Plan every line of a script; empty lines and lines with `#` in front are skipped.

    Raises:
        FaultTextError: a line is not understood; nothing is planned then.
    """
    lines = [line.strip() for line in text.splitlines()]
    planned = [parse_fault(line) for line in lines if line and not line.startswith("#")]
    for after, trigger, fault in planned:
        faults.plan(fault, after, trigger)


def parse_fault(line: str) -> tuple[Ms, Trigger, Fault]:
    """Read one line: how long after which trigger, and what.

    Raises:
        FaultTextError: it is not understood.
    """
    head, colon, tail = line.partition(":")
    try:
        if not colon:
            return 0, Trigger.NOW, _parse_what(line.strip())
        after, trigger = _parse_when(head.strip())
        return after, trigger, _parse_what(tail.strip())
    except (BackstrideError, ValueError, KeyError) as error:
        raise FaultTextError(line) from error


def _parse_when(text: str) -> tuple[Ms, Trigger]:
    match = _WHEN.fullmatch(text)
    if match is None:
        raise ValueError(text)
    if match["at"]:
        return parse_duration(match["at"]), Trigger.NOW
    after = parse_duration(match["after"]) if match["after"] else 0
    return after, Trigger[match["trigger"].upper()]


def _parse_what(text: str) -> Fault:
    if (act := _ACTS.get(text)) is not None:
        return act
    if match := _FRAMES.fullmatch(text):
        stream = Stream[match["stream"].upper()]
        if match["verb"] == "delay":
            return Delay(stream, _parse_scope(match), by=parse_duration(match["by"] or ""))
        return _FILTERS[match["verb"]](stream, _parse_scope(match))
    if match := _REFUSE.fullmatch(text):
        opcode = _PROCEDURES[match["procedure"]]
        return Refuse(opcode, int(match["result"], 16), _parse_scope(match))
    if match := _SILENT.fullmatch(text):
        return Refuse(None, None, _parse_scope(match))
    if match := _DISCONNECT.fullmatch(text):
        return Disconnect(parse_duration(match["absent"]) if match["absent"] else 0)
    if match := _PRESS.fullmatch(text):
        if match["speed"]:
            return SetSpeed(parse_speed(match["speed"]))
        return SetIncline(parse_incline(match["incline"]))
    raise ValueError(text)


def _parse_scope(match: re.Match[str]) -> Scope:
    times = {None: None, "once": 1, "twice": 2}
    written = match["times"]
    count = times[written] if written in times else int(written.split()[0])
    return Scope(
        lasting=parse_duration(match["lasting"]) if match["lasting"] else None,
        times=count,
        percent=int(match["percent"]) if match["percent"] else 100,
    )
