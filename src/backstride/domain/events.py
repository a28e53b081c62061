"""Everything that can happen to a session. The journal is a list of these; replay folds it again.

`at` is the instant of the event in ms of one monotonic clock; events are folded in the order in
which they arrived. `epoch` counts the Bluetooth connections: what an old connection still
says is ignored.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from backstride.domain.machine import Machine
from backstride.domain.units import Incline, Ms, Speed
from backstride.domain.walker import Walker
from backstride.domain.workout import Program


class Ask(StrEnum):
    """What a person, a dashboard or a script can ask of a session."""

    START = "start"
    """Arm a program: state what will happen. Moves nothing."""
    CONFIRM = "confirm"
    """I stand on the side rails, facing the rear, the clip on my waistband. Also: I have turned."""
    PAUSE = "pause"
    """Bring the belt to a stop and keep the place in the program."""
    CONTINUE = "continue"
    """Go on after a pause: counts down and starts again from the machine's lowest speed."""
    SKIP = "skip"
    """Go to the next step of the program."""
    FASTER = "faster"
    """Raise the setpoint by one increment, within every limit."""
    SLOWER = "slower"
    """Lower the setpoint by one increment."""
    SPEED = "speed"
    """Wish for a speed in this step of the program, within every limit."""
    FINISH = "finish"
    """Go to the cool-down, then stop."""
    STOP = "stop"
    """Stop the belt now. Never refused."""
    ACKNOWLEDGE = "acknowledge"
    """A person has seen the fault; clears it once the belt is proven still."""
    SELECT = "select"
    """Choose the program that `start` without a name will arm."""
    PRESENT = "present"
    """Answer to a check-in: I am here and well."""
    VOICE = "voice"
    """Have the cues said aloud, or only shown. Alarms are always said."""
    WALKER = "walker"
    """Say who walks, or that nobody in particular does; only while nothing moves or is armed."""
    FEEDBACK = "feedback"
    """Say how hard the last session was (Borg's 6 to 20) and how much it hurt (0 to 10)."""


class Verdict(StrEnum):
    """How a control-point procedure ended."""

    CONFIRMED = "confirmed"
    """The machine answered success. It does not say that the belt did it."""
    REJECTED = "rejected"
    """The machine answered no, or the command was never sent. It had no effect."""
    UNKNOWN = "unknown"
    """No answer in time, or the link broke: it may or may not take effect."""


class Status(StrEnum):
    """What the machine says of itself (characteristic 2ADA)."""

    RESET = "reset"
    STOPPED_BY_USER = "stopped_by_user"
    PAUSED_BY_USER = "paused_by_user"
    SAFETY_KEY = "safety_key"
    STARTED_BY_USER = "started_by_user"
    TARGET_SPEED = "target_speed"
    TARGET_INCLINE = "target_incline"
    CONTROL_LOST = "control_lost"


class LinkUp(Struct, frozen=True, kw_only=True, tag="link_up"):
    """A connection is ready: services found, indications and notifications enabled."""

    at: Ms
    epoch: int
    machine: Machine


class LinkDown(Struct, frozen=True, kw_only=True, tag="link_down"):
    """The connection `epoch` is gone."""

    at: Ms
    epoch: int
    reason: str


class Telemetry(Struct, frozen=True, kw_only=True, tag="telemetry"):
    """One complete treadmill data record (2ACD), parts already merged.

    A field that the record does not carry is None: unknown, never zero. Units: speed 0.01 km/h,
    incline 0.1 %, distance m, elapsed s, energy kcal, heart rate 1/min.
    """

    at: Ms
    epoch: int
    speed: Speed | None = None
    incline: Incline | None = None
    distance: int | None = None
    elapsed: int | None = None
    energy: int | None = None
    heart_rate: int | None = None
    steps: int | None = None


class MachineStatus(Struct, frozen=True, kw_only=True, tag="status"):
    """A status notification (2ADA). `value` belongs to TARGET_SPEED and TARGET_INCLINE."""

    at: Ms
    epoch: int
    status: Status
    value: int | None = None


class Training(Struct, frozen=True, kw_only=True, tag="training"):
    """A training status notification (2AD3): 01 idle, 0D manual, 0E countdown, 0F post-workout."""

    at: Ms
    epoch: int
    code: int


class Outcome(Struct, frozen=True, kw_only=True, tag="outcome"):
    """How the command with this ticket ended; `detail` names the result code or the failure."""

    at: Ms
    epoch: int
    ticket: int
    verdict: Verdict
    detail: str = ""


class Request(Struct, frozen=True, kw_only=True, tag="request"):
    """A person asks. `source` is who asked, for the log.

    `program` goes with START and SELECT, `speed` (0.01 km/h) with SPEED, `on` with VOICE, `effort` and
    `pain` with FEEDBACK. `walker` goes with START and WALKER, prepared: None is nobody in particular, or
    with START whoever was named before.
    """

    at: Ms
    id: str
    ask: Ask
    program: Program | None = None
    speed: Speed | None = None
    on: bool | None = None
    effort: int | None = None
    pain: int | None = None
    walker: Walker | None = None
    source: str = ""


class BusUp(Struct, frozen=True, kw_only=True, tag="bus_up"):
    """The broker is there: dashboards can see the session and command it."""

    at: Ms


class BusDown(Struct, frozen=True, kw_only=True, tag="bus_down"):
    """The broker is gone."""

    at: Ms


class CueHeard(Struct, frozen=True, kw_only=True, tag="cue_heard"):
    """An outlet took the cue with this number: speakers, a page, a subscriber on the broker."""

    at: Ms
    cue: int


class Tick(Struct, frozen=True, kw_only=True, tag="tick"):
    """Time passes; about ten a second. `slept`: how long the host was suspended since the last."""

    at: Ms
    slept: Ms = 0


class HeartRate(Struct, frozen=True, kw_only=True, tag="heart_rate"):
    """One measurement of the walker's strap, as it says, in 1/min.

    `contact` is whether it feels the skin and `battery` its charge in %; None when it does not tell.
    """

    at: Ms
    bpm: int
    contact: bool | None = None
    battery: int | None = None


class Shutdown(Struct, frozen=True, kw_only=True, tag="shutdown"):
    """The service was told to end: bring the belt down first."""

    at: Ms


class Ownership(Struct, frozen=True, kw_only=True, tag="ownership"):
    """The durable claim "this belt runs because of us", and what it takes to recognise it again."""

    fingerprint: str
    program: str
    target: Speed
    distance: int | None
    elapsed: int | None


class Adopt(Struct, frozen=True, kw_only=True, tag="adopt"):
    """An ownership record of an earlier life was found on disk; it is `age` old."""

    at: Ms
    record: Ownership
    age: Ms


type Event = (
    LinkUp
    | LinkDown
    | Telemetry
    | MachineStatus
    | Training
    | Outcome
    | Request
    | BusUp
    | BusDown
    | CueHeard
    | Tick
    | HeartRate
    | Shutdown
    | Adopt
)
