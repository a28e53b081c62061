"""Faults between a machine and the radio: deterministic, seeded, timed by the machine's own events.

Theory of operation: `Faults` stands where the pump expects the machine. It lets the machine run up to
each moment at which a fault is due, so a fault strikes at its millisecond and not at the next frame;
what the machine sends passes through the faults that are active. The machine's log keeps what the
machine did; `Faults.log` keeps what was done to it. Text for `Faults.script` is read by `fault_script`.
"""

import heapq
import random

from msgspec.structs import replace

from backstride.domain.units import Ms
from backstride.virtual.controlpoint import Interception
from backstride.virtual.fault_kinds import (
    Button,
    Corrupt,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    Fault,
    Frames,
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
from backstride.virtual.gatt import Uuid
from backstride.virtual.log import Happening, Phase
from backstride.virtual.machine import Machine
from backstride.virtual.outbox import Kind, Output

_UUIDS = {
    Stream.TELEMETRY: Uuid.TREADMILL_DATA,
    Stream.STATUS: Uuid.MACHINE_STATUS,
    Stream.TRAINING: Uuid.TRAINING_STATUS,
    Stream.ANSWERS: Uuid.CONTROL_POINT,
}
_PHASES = {
    Phase.COUNTDOWN.name: Trigger.START,
    Phase.RUNNING.name: Trigger.MOTION,
    Phase.STOPPING.name: Trigger.STOP,
    Phase.REST.name: Trigger.REST,
}


class _Active[F]:
    """A fault at work."""

    def __init__(self, fault: F, scope: Scope, since: Ms) -> None:
        self.fault = fault
        self.percent = scope.percent
        self.until = None if scope.lasting is None else since + scope.lasting
        self.left = scope.times
        self.frozen: bytes | None = None

    def is_over(self, at: Ms) -> bool:
        return self.left == 0 or (self.until is not None and at >= self.until)

    def count(self) -> None:
        if self.left is not None:
            self.left -= 1


class Faults:
    """A machine with faults around it; give it to `Air.serve(machine, source=faults)`."""

    def __init__(self, machine: Machine, *, seed: int = 0) -> None:
        self.machine = machine
        self.seed = seed
        self.log: list[Happening] = []
        self._random = random.Random(seed)  # noqa: S311  reproducible chance, not secrecy
        self._waiting: list[tuple[Trigger, Ms, Fault]] = []
        self._due: list[tuple[Ms, int, Fault]] = []
        self._filters: list[_Active[Frames]] = []
        self._refusals: list[_Active[Refuse]] = []
        self._late: list[tuple[Ms, int, Output]] = []
        self._number = 0
        self._seen = 0
        self._now: Ms = 0
        self._started = False
        """Before the first `advance` nobody has told what time it is."""
        machine.intercept = self._intercept

    def plan(self, fault: Fault, after: Ms = 0, trigger: Trigger = Trigger.NOW) -> None:
        """Let a fault strike `after` ms after the trigger's next occurrence (`NOW`: after this call)."""
        if trigger is Trigger.NOW and self._started:
            self._push(self._now + after, fault)
        else:
            self._waiting.append((trigger, after, fault))

    def clear(self) -> None:
        """End all faults, planned and active; what is delayed still arrives."""
        self._waiting.clear()
        self._due.clear()
        self._filters.clear()
        self._refusals.clear()

    def next_due(self) -> Ms | None:
        """See `pump.Source`."""
        dues = [heap[0][0] for heap in (self._due, self._late) if heap]
        if (own := self.machine.next_due()) is not None:
            dues.append(own)
        return min(dues, default=None)

    def advance(self, now_ms: Ms) -> list[Output]:
        """See `pump.Source`."""
        if not self._started:
            self._start(now_ms)
        out: list[Output] = []
        self._step(now_ms, out)
        while self._due and self._due[0][0] <= now_ms:
            at, _, fault = heapq.heappop(self._due)
            self._strike(fault, max(at, self._now))
            self._step(now_ms, out)
        while self._late and self._late[0][0] <= now_ms:
            out.append(heapq.heappop(self._late)[2])
        return out

    def _start(self, now_ms: Ms) -> None:
        self._started = True
        self._now = now_ms
        waiting, self._waiting = self._waiting, []
        for trigger, after, fault in waiting:
            self.plan(fault, after, trigger)

    def _step(self, now_ms: Ms, out: list[Output]) -> None:
        """Run the machine up to the next due fault, or to now, looking at what happens on the way."""
        while True:
            until = min(now_ms, self._due[0][0]) if self._due else now_ms
            coming = self.machine.next_due()
            if coming is not None and coming < until and self._waiting:
                until = coming
            self._now = max(self._now, until)
            for output in self.machine.advance(self._now):
                out += self._pass(output)
            self._notice()
            if self._now >= now_ms or (self._due and self._due[0][0] <= self._now):
                return

    def _notice(self) -> None:
        """Turn what the machine's log has gained into due faults."""
        happenings = self.machine.log.happenings
        for happening in happenings[self._seen :]:
            trigger = _PHASES.get(happening.detail) if happening.what == "phase" else None
            if happening.what == "connected":
                trigger = Trigger.CONNECT
            for planned in [item for item in self._waiting if item[0] is trigger]:
                self._waiting.remove(planned)
                self._push(happening.at + planned[1], planned[2])
        self._seen = len(happenings)

    def _push(self, at: Ms, fault: Fault) -> None:
        self._number += 1
        heapq.heappush(self._due, (at, self._number, fault))

    def _strike(self, fault: Fault, at: Ms) -> None:
        self.log.append(Happening(at, type(fault).__name__, repr(fault)))
        match fault:
            case Refuse():
                self._refusals.append(_Active(fault, fault.scope, at))
            case Disconnect() if fault.absent:
                self.machine.hide(at, fault.absent)
            case Disconnect():
                self.machine.drop_clients(at)
            case Press():
                self._press(fault.button, at)
            case SetSpeed():
                self.machine.console.press_speed(fault.speed, at)
            case SetIncline():
                self.machine.console.press_incline(fault.incline, at)
            case TakeControl():
                self.machine.take_control(at)
            case Reset():
                self.machine.reset(at)
            case _:
                self._filters.append(_Active(fault, fault.scope, at))

    def _press(self, button: Button, at: Ms) -> None:
        console = self.machine.console
        {
            Button.START: console.press_start,
            Button.STOP: console.press_stop,
            Button.PAUSE: console.press_pause,
            Button.PULL_KEY: console.pull_key,
            Button.INSERT_KEY: console.insert_key,
            Button.STEP_ON: console.step_on,
            Button.STEP_OFF: console.step_off,
        }[button](at)

    def _intercept(self, opcode: int, at: Ms) -> Interception | None:
        self._refusals = [active for active in self._refusals if not active.is_over(at)]
        for active in self._refusals:
            if active.fault.opcode in (None, opcode) and self._hits(active.percent):
                active.count()
                return Interception(active.fault.result)
        return None

    def _hits(self, percent: int) -> bool:
        return percent >= 100 or self._random.randrange(100) < percent

    def _pass(self, output: Output) -> list[Output]:
        """Send one frame through all active faults."""
        if output.kind not in (Kind.NOTIFY, Kind.INDICATE) or not self._filters:
            return [output]
        self._filters = [active for active in self._filters if not active.is_over(output.at)]
        passing = [output]
        for active in self._filters:
            stream = active.fault.stream
            if stream is not Stream.EVERYTHING and _UUIDS[stream] is not output.uuid:
                continue
            if not self._hits(active.percent):
                continue
            active.count()
            passing = [made for each in passing for made in self._change(active, each)]
        return passing

    def _change(self, active: _Active[Frames], output: Output) -> list[Output]:
        match active.fault:
            case Drop():
                return []
            case Duplicate():
                return [output, output]
            case Corrupt():
                return [replace(output, data=self._corrupt(output.data))]
            case Mismatch():
                return [replace(output, data=_rename(output.data))]
            case Freeze():
                active.frozen = active.frozen or output.data
                return [replace(output, data=active.frozen)]
            case Delay(by=by):
                self._number += 1
                late = replace(output, at=output.at + by)
                heapq.heappush(self._late, (late.at, self._number, late))
                return []

    def _corrupt(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self._random.randrange(len(data))
        if self._random.randrange(2):
            return data[:at]
        return data[:at] + bytes([data[at] ^ self._random.randrange(1, 256)]) + data[at + 1 :]


def _rename(answer: bytes) -> bytes:
    """Let an answer name another procedure: request control instead of any other, start instead of it."""
    if len(answer) < 3:
        return answer
    return bytes([answer[0], 0x00 if answer[1] else 0x07]) + answer[2:]
