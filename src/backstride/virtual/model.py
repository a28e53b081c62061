"""A virtual machine as data: who it is, what it can do, and how it behaves.

A `MachineModel` is what a file of `profiles/machines/` says, nothing more. Speeds are ints in
0.01 km/h, inclines in 0.1 %, durations in ms, rates in those units per second. Defaults are the
behaviour that the Fitness Machine Service asks for, so a file only states how its machine differs.
In YAML a field's name is written with spaces: `stop_deceleration` is `stop deceleration`.
"""

import hashlib

from msgspec import Struct

from backstride.domain.units import Incline, Ms, Speed
from backstride.virtual.quirks import (
    AnswerBy,
    Audience,
    Busy,
    Counters,
    Field,
    Honesty,
    Idle,
    Moment,
    OffStep,
    OnConnect,
    OnDisconnect,
    OutOfRange,
    Permission,
    RemoteStart,
    Shape,
    Shown,
    SpeedAtRest,
    SpeedEarly,
    StartAgain,
    StartSpeed,
    StopAgain,
    Takeover,
    TargetStatus,
    Unit,
    Write,
)

type SpeedRate = int
"""0.01 km/h per second; `0.33 km/h per s` in YAML."""
type InclineRate = int
"""0.1 % per second; `0.5 % per s` in YAML."""
type Octets = bytes
"""Bytes; hex pairs with spaces in YAML."""


class Identity(Struct, frozen=True, kw_only=True):
    """What the machine says about itself before and after a connection."""

    name: str | None = None
    """The advertised name, or `none`: some machines advertise none (Omega Z)."""
    service_data: Octets | None = b"\x01\x01\x00"
    """Advertised service data of 0x1826: flags bit 0 available, type bit 0 treadmill; may be `none`."""
    advertises_service: bool = True
    """Whether the UUID 0x1826 is in the list of advertised services."""
    address: str | None = None
    """A random static Bluetooth address; `none` derives one from the file's name."""
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    """Strings of Device Information (0x180A); the service is left out when all are `none`."""


class SpeedControl(Struct, frozen=True, kw_only=True):
    """The belt: its range, and how it follows a target."""

    minimum: Speed
    maximum: Speed
    step: Speed
    acceleration: SpeedRate = 50
    """[CHOICE] 0.5 km/h per s: few machines were measured going up."""
    deceleration: SpeedRate = 50
    stop_deceleration: SpeedRate = 50
    start_speed: Speed | None = None
    """Where a start goes to; `none` is the minimum."""
    start_acceleration: SpeedRate | None = None
    """From rest to the first speed; `none` is `acceleration`."""
    start_goes_to: StartSpeed = StartSpeed.MINIMUM
    countdown: Ms = 3_000
    """From the taken Start to motion."""
    lag: Ms = 0
    """From a taken target to the belt's first reaction: the motor controller thinks."""
    creep: Speed = 0
    creep_for: Ms = 0
    """After a stop the belt creeps at this speed for this long (KS-F0); 0 is not at all."""
    written_in: Unit = Unit.KMH
    shown_in: Unit = Unit.KMH
    shown: Shown = Shown.TRUTH
    shown_step: Speed = 1
    """Telemetry shows the truth rounded to this (CITYSPORTS: 0.1 km/h)."""
    off_step: OffStep = OffStep.ROUND_DOWN
    out_of_range: OutOfRange = OutOfRange.REFUSE
    has_effect: bool = True
    """False: targets are answered and never reach the belt (Xterra T85, Sole F85)."""
    claimed_range: Octets | None = None
    """2AD4 as sent when it says something else than minimum, maximum and step."""


class InclineControl(Struct, frozen=True, kw_only=True):
    """The deck; a machine without one has no such section."""

    minimum: Incline = 0
    maximum: Incline
    step: Incline
    rate: InclineRate = 5
    """[CHOICE] 0.5 % per s, typical of lift motors."""
    initial: Incline = 0
    """Where the deck stands at power-on: a leftover of the last user."""
    shown: Shown = Shown.TRUTH
    out_of_range: OutOfRange = OutOfRange.REFUSE
    has_effect: bool = True
    stuck_at: Octets | None = None
    """Telemetry always shows this s16 (T15: 82 %)."""
    claimed_range: Octets | None = None


class Telemetry(Struct, frozen=True, kw_only=True):
    """Treadmill Data: how often, which fields, in which shape."""

    period: Ms = 1_000
    fields: tuple[Field, ...] = (Field.DISTANCE, Field.ENERGY, Field.ELAPSED)
    shape: Shape = Shape.WHOLE
    first_part: tuple[Field, ...] = ()
    """Split or alternate: the fields of the first part; the others follow in the second."""
    longest_frame: int | None = None
    """Cut after this many bytes while the flags promise more (Matrix: 20)."""
    bit_13_without_bytes: bool = False
    """Bit 13 is set and no byte belongs to it."""
    unknown_as_7fff: bool = False
    """7FFF instead of a value in the average speed and energy fields (Life Fitness)."""
    idle: Idle = Idle.ZEROS
    counters: Counters = Counters.KEEP
    counts_need_walker: bool = False
    """Distance, energy and time stand still with nobody on the belt (CITYSPORTS)."""
    counts_while_stopping: bool = True
    """False: the counters stand as soon as a stop is taken (CITYSPORTS)."""
    starts_after: Ms = 0
    """Silence from the subscription to the first frame (Yesoul: 19 min)."""
    gap: Ms = 0
    gap_every: Ms = 0
    """A pause of `gap` in each `gap every` (seen: 2.5 s)."""
    short_frame_first: bool = False
    """The first frame after power-on is only one byte long (Domyos)."""


class Delay(Struct, frozen=True, kw_only=True):
    """When a written procedure shows its consequences, each counted from the write.

    A list is used item by item and then from the start: recorded spread, replayed without chance.
    """

    effect: tuple[Ms, ...] = (20,)
    """The machine acts, and sends its status, where it sends one."""
    training: tuple[Ms, ...] = (20,)
    """Training status, where it changes."""
    answer: tuple[Ms, ...] = (40,)
    """The control point's indication; facts: 40 to 200 ms."""


class Delays(Struct, frozen=True, kw_only=True):
    """The delays of each procedure."""

    other: Delay = Delay()
    """Request control, reset, and whatever has no entry of its own."""
    start: Delay = Delay()
    start_again: Delay = Delay()
    stop: Delay = Delay()
    speed: Delay = Delay()
    incline: Delay = Delay()


class ControlPoint(Struct, frozen=True, kw_only=True):
    """How the control point takes and answers procedures."""

    write: Write = Write.EITHER
    answer_by: AnswerBy = AnswerBy.INDICATION
    permission: Permission = Permission.NEEDED
    takeover: Takeover = Takeover.GRANT
    needs_subscription: bool = True
    """A write before the answers are subscribed gets ATT error FD, as specified."""
    busy: Busy = Busy.REFUSE
    honesty: Honesty = Honesty.HONEST
    start: RemoteStart = RemoteStart.STARTS
    start_again: StartAgain = StartAgain.FAILS
    start_needed_every: Ms | None = None
    """The belt stops unless Start comes this often (TRX3500: every second)."""
    stop_again: StopAgain = StopAgain.SUCCEEDS
    speed_early: SpeedEarly = SpeedEarly.ACCEPTED
    speed_at_rest: SpeedAtRest = SpeedAtRest.FAILS
    delays: Delays = Delays()


class Status(Struct, frozen=True, kw_only=True):
    """Machine status 2ADA and training status 2AD3."""

    started: Moment = Moment.COMMAND
    stopped: Moment = Moment.COMMAND
    console_stopped: Moment = Moment.COMMAND
    speed: TargetStatus = TargetStatus.ONCE
    incline: TargetStatus = TargetStatus.ONCE
    ramp_period: Ms = 500
    """How often the ramp is told with `speed: ramp`. [CHOICE]"""
    audience: Audience = Audience.EVERYONE
    width: int | None = None
    """Each status is padded with zeros to this many bytes (some: 3)."""
    training: bool = True
    """Whether 2AD3 exists."""
    training_on_subscribe: bool = False
    """The present training status is sent upon subscription (CITYSPORTS)."""
    training_flags: Octets = b"\x00"
    """First byte of 2AD3 (CITYSPORTS: 01)."""
    idle_code: Octets = b"\x01"
    countdown_code: Octets = b"\x0e"
    running_code: Octets = b"\x0d"
    stopped_code: Octets = b"\x0f"


class Link(Struct, frozen=True, kw_only=True):
    """Connections."""

    clients: int = 1
    """How many at once; at the limit the machine does not advertise."""
    on_connect: OnConnect = OnConnect.NOTHING
    on_disconnect: OnDisconnect = OnDisconnect.RUNS_ON
    drops_after: Ms | None = None
    """Each connection is dropped after this long (Domyos: 20 s, until power-cycled)."""
    ghost_for: Ms = 0
    """After a disconnect the last client is believed to be there for this long; the next is refused."""
    encrypted: bool = False
    """Control needs an encrypted link (FTMP 6.1). Many machines do without."""


class MachineModel(Struct, frozen=True, kw_only=True):
    """One kind of treadmill, complete."""

    about: str
    """One sentence: what it is, and where its numbers come from."""
    identity: Identity = Identity()
    features: Octets
    """2ACC, eight bytes as sent."""
    speed: SpeedControl
    incline: InclineControl | None = None
    telemetry: Telemetry = Telemetry()
    control_point: ControlPoint = ControlPoint()
    status: Status = Status()
    link: Link = Link()
    key: str = ""
    """The file's name without its ending; set by the catalogue, not written in YAML."""


def derive_address(key: str) -> str:
    """A random static Bluetooth address (two top bits set) that belongs to `key` and to it alone."""
    digest = hashlib.sha256(f"backstride virtual machine {key}".encode()).digest()
    octets = bytes([digest[0] | 0xC0]) + digest[1:6]
    return octets.hex(":").upper()
