"""What really happened at a virtual machine, kept for the tests.

The product is judged by this record and not by its own belief: every write that reached the control
point with the belt's true speed at that moment, every sample of the truth, every change of phase,
every press of a key. Times are ms of the loop's clock.
"""

from enum import Enum, auto

from msgspec import Struct

from backstride.domain.units import Incline, Ms, Speed


class Phase(Enum):
    """What the belt is doing."""

    REST = auto()
    """It stands still and nothing is under way."""
    COUNTDOWN = auto()
    """A start was taken; the belt still stands."""
    RUNNING = auto()
    """It is driven towards its target."""
    STOPPING = auto()
    """It is coming to rest."""


class Op:
    """Opcodes of the control point."""

    REQUEST_CONTROL = 0x00
    RESET = 0x01
    SPEED = 0x02
    INCLINE = 0x03
    START = 0x07
    STOP_OR_PAUSE = 0x08


STOP = b"\x08\x01"
PAUSE = b"\x08\x02"


class Write(Struct, frozen=True, kw_only=True):
    """A write that arrived at the control point.

    `speed` and `incline` are the truth of that moment; `target` is where the belt is driven to, in the
    unit that is written. `result` is the code that the machine answers (1 is success), None when it
    will not answer; `att_error` is set when the write was refused below FTMS and had no effect.
    """

    at: Ms
    client: str
    data: bytes
    speed: Speed
    target: Speed
    incline: Incline
    phase: Phase
    result: int | None
    att_error: int | None = None

    @property
    def opcode(self) -> int:
        """The first byte, or -1 of an empty write."""
        return self.data[0] if self.data else -1

    @property
    def speed_target(self) -> Speed:
        """The parameter of a speed write, as written (0.01 km/h, were the machine honest)."""
        return int.from_bytes(self.data[1:3], "little")

    @property
    def incline_target(self) -> Incline:
        """The parameter of an incline write, 0.1 %."""
        return int.from_bytes(self.data[1:3], "little", signed=True)


class Sample(Struct, frozen=True):
    """The truth at one moment."""

    at: Ms
    speed: Speed
    target: Speed
    incline: Incline
    phase: Phase


class Happening(Struct, frozen=True):
    """Anything else: a change of phase, a press, a connection."""

    at: Ms
    what: str
    detail: str = ""


class Sent(Struct, frozen=True):
    """A frame that left the machine, before any fault touched it."""

    at: Ms
    uuid: int
    data: bytes
    client: str


class MachineLog:
    """The record, and the questions that tests ask of it."""

    def __init__(self, *, keep_sent: bool = True) -> None:
        self.writes: list[Write] = []
        self.samples: list[Sample] = []
        self.happenings: list[Happening] = []
        self.sent: list[Sent] = []
        self.keep_sent = keep_sent
        self.top_speed: Speed = 0
        """The fastest the belt has ever really been."""
        self.top_incline: Incline = 0
        self.lowest_incline: Incline = 0

    def add_sample(self, sample: Sample) -> None:
        """Keep a sample, and the extremes."""
        self.samples.append(sample)
        self.top_incline = max(self.top_incline, sample.incline)
        self.lowest_incline = min(self.lowest_incline, sample.incline)

    def add(self, at: Ms, what: str, detail: str = "") -> None:
        """Keep a happening."""
        self.happenings.append(Happening(at, what, detail))

    def find(self, what: str) -> list[Happening]:
        """All happenings of one kind: `phase`, `console`, `connected`, `disconnected`, `key`, ..."""
        return [happening for happening in self.happenings if happening.what == what]

    def _arrived(self, opcode: int) -> list[Write]:
        return [w for w in self.writes if w.opcode == opcode and w.att_error is None]

    @property
    def starts(self) -> list[Write]:
        """Every Start (07) that reached FTMS, accepted or not."""
        return self._arrived(Op.START)

    @property
    def stops(self) -> list[Write]:
        """Every Stop (08 01)."""
        return [write for write in self._arrived(Op.STOP_OR_PAUSE) if write.data == STOP]

    @property
    def pauses(self) -> list[Write]:
        """Every Pause (08 02)."""
        return [write for write in self._arrived(Op.STOP_OR_PAUSE) if write.data == PAUSE]

    @property
    def speed_writes(self) -> list[Write]:
        """Every speed (02)."""
        return self._arrived(Op.SPEED)

    @property
    def incline_writes(self) -> list[Write]:
        """Every incline (03)."""
        return self._arrived(Op.INCLINE)

    @property
    def speed_targets(self) -> list[Speed]:
        """The commanded speeds in order, as written."""
        return [write.speed_target for write in self.speed_writes]

    @property
    def incline_targets(self) -> list[Incline]:
        """The commanded inclines in order."""
        return [write.incline_target for write in self.incline_writes]

    @property
    def opcodes(self) -> list[int]:
        """The opcodes of all writes that reached FTMS, in order."""
        return [write.opcode for write in self.writes if write.att_error is None]

    @property
    def phases(self) -> list[Phase]:
        """The phases of the belt in order, starting at rest."""
        return [Phase.REST, *(Phase[item.detail] for item in self.find("phase"))]

    def moving_starts(self) -> list[Write]:
        """Starts that arrived while the belt was not at a standstill: there must be none."""
        return [write for write in self.starts if write.speed > 0]

    def largest_rise(self) -> Speed:
        """The largest step up between two commanded speeds of one run, as written.

        A run begins with each Start; its first speed is compared with what the machine chose itself.
        """
        return self._largest_step(1)

    def largest_fall(self) -> Speed:
        """The largest step down between two commanded speeds of one run, as written."""
        return self._largest_step(-1)

    def _largest_step(self, sign: int) -> Speed:
        largest = 0
        before: Speed | None = None
        for write in self.writes:
            if write.att_error is not None:
                continue
            if write.opcode == Op.START:
                before = None
            elif write.opcode == Op.SPEED:
                base = write.target if before is None else before
                largest = max(largest, sign * (write.speed_target - base))
                before = write.speed_target
        return largest
