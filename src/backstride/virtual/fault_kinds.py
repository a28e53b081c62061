"""The kinds of faults, as data. `faults.py` makes them happen, `fault_script.py` reads them from text."""

from enum import Enum, auto

from msgspec import Struct

from backstride.domain.units import Incline, Ms, Speed


class Stream(Enum):
    """A kind of frames."""

    TELEMETRY = auto()
    STATUS = auto()
    TRAINING = auto()
    ANSWERS = auto()
    EVERYTHING = auto()


class Button(Enum):
    """What a person does at the machine."""

    START = auto()
    STOP = auto()
    PAUSE = auto()
    PULL_KEY = auto()
    INSERT_KEY = auto()
    STEP_ON = auto()
    STEP_OFF = auto()


class Trigger(Enum):
    """A moment in the machine's life; the first one after the fault was planned counts."""

    NOW = auto()
    """When the fault was planned."""
    CONNECT = auto()
    START = auto()
    """The countdown begins."""
    MOTION = auto()
    """The belt begins to move."""
    STOP = auto()
    """The belt begins to come to rest."""
    REST = auto()
    """The belt stands."""


class Scope(Struct, frozen=True, kw_only=True):
    """How long and how often a fault applies; no limit is for ever and always."""

    lasting: Ms | None = None
    times: int | None = None
    percent: int = 100
    """Of the frames that it could strike, by the seeded chance."""


class _Filter(Struct, frozen=True, tag=True):
    """A fault that changes frames on their way."""

    stream: Stream
    scope: Scope = Scope()


class Drop(_Filter, frozen=True):
    """Frames are lost. Also what `mute` means."""


class Duplicate(_Filter, frozen=True):
    """Frames arrive twice."""


class Corrupt(_Filter, frozen=True):
    """One byte is changed, or the end is missing."""


class Mismatch(_Filter, frozen=True):
    """Answers name another procedure than the one that was written."""


class Freeze(_Filter, frozen=True):
    """The first frame of the time is sent again in place of each later one."""


class Delay(_Filter, frozen=True):
    """Frames arrive later."""

    by: Ms = 0


class Refuse(Struct, frozen=True, tag=True):
    """A procedure has no effect and is answered with `result`; None is no answer at all.

    `opcode` None is every procedure.
    """

    opcode: int | None
    result: int | None
    scope: Scope = Scope()


class Disconnect(Struct, frozen=True, tag=True):
    """All links are dropped, and the machine is not to be found for `absent`."""

    absent: Ms = 0


class Press(Struct, frozen=True, tag=True):
    """A person presses a button."""

    button: Button


class SetSpeed(Struct, frozen=True, tag=True):
    """A person sets a speed at the console."""

    speed: Speed


class SetIncline(Struct, frozen=True, tag=True):
    """A person sets an incline at the console."""

    incline: Incline


class TakeControl(Struct, frozen=True, tag=True):
    """The machine takes control back (status FF)."""


class Reset(Struct, frozen=True, tag=True):
    """The machine resets (status 01)."""


type Frames = Drop | Duplicate | Corrupt | Mismatch | Freeze | Delay
type Fault = Frames | Refuse | Disconnect | Press | SetSpeed | SetIncline | TakeControl | Reset
