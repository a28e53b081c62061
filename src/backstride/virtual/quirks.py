"""The ways in which real treadmills differ, one enum for each question that a machine answers its own way.

Each member is a behaviour that somebody saw on a real machine (named in its docstring) or that the
Fitness Machine Service asks for. A machine of `profiles/machines/*.yaml` picks one member of each.
In YAML a member is written in lower case with spaces: `ROUND_DOWN` is `round down`.
"""

from enum import Enum, IntFlag, auto


class Choice(Enum):
    """A closed choice that is written in words in YAML."""


class Field(IntFlag):
    """A field of Treadmill Data, valued as its flag bit; the order of the bits is that of the fields."""

    AVERAGE_SPEED = 1 << 1
    DISTANCE = 1 << 2
    INCLINE = 1 << 3
    ELEVATION = 1 << 4
    PACE = 1 << 5
    AVERAGE_PACE = 1 << 6
    ENERGY = 1 << 7
    HEART_RATE = 1 << 8
    METABOLIC = 1 << 9
    ELAPSED = 1 << 10
    REMAINING = 1 << 11
    FORCE = 1 << 12
    STEPS = 1 << 13
    """Reserved by the specification; several pads put a u24 step count there."""


class Unit(Choice):
    """The unit a machine really uses where FTMS says 0.01 km/h."""

    KMH = auto()
    """As specified."""
    MPH = auto()
    """0.01 mph, labelled km/h (TM11GY in commands, Bowflex T9 in telemetry)."""


class Shown(Choice):
    """What telemetry shows of a quantity that is on its way."""

    TRUTH = auto()
    """The belt or the deck as it is."""
    TARGET = auto()
    """The target while driven, the truth after a stop (CITYSPORTS speed, T12B incline)."""


class Shape(Choice):
    """How a telemetry record is laid out in notifications."""

    WHOLE = auto()
    """One notification a record."""
    SPLIT = auto()
    """Several notifications; the last carries speed, the others More Data (Matrix, Technogym, Yesoul S3)."""
    ALTERNATE = auto()
    """Disjoint sets of fields in turn, each a record of its own with speed."""
    STEPS_APART = auto()
    """A complete record, then a second one with nothing but steps (T12B)."""


class Idle(Choice):
    """What telemetry does at a standstill."""

    ZEROS = auto()
    """All-zero frames for ever."""
    SILENCE = auto()
    """No frame before the first start and none after the stop, once zero was shown."""
    SILENCE_WITHOUT_ZERO = auto()
    """No frame as soon as the stop is pressed: the final zero never comes (FR30z)."""


class Counters(Choice):
    """What happens to distance, time and energy when the belt has come to rest."""

    KEEP = auto()
    """They keep their values until the next start."""
    RESET_WITH_ZERO = auto()
    """They are 0 in the very frame that says speed 0 (CITYSPORTS)."""


class AnswerBy(Choice):
    """How the control point answers."""

    INDICATION = auto()
    """As specified."""
    NOTIFICATION = auto()
    """Unconfirmed (Omega Z)."""


class Permission(Choice):
    """What request-control (00) means to the machine."""

    NEEDED = auto()
    """As specified: every other procedure fails with 05 before it."""
    NOT_NEEDED = auto()
    """Answered with success, but nothing depends on it (CITYSPORTS)."""
    NEEDED_TWICE = auto()
    """The first one is answered and without effect; the second counts (wellfit, SW, YPOO)."""
    UNANSWERED = auto()
    """Accepted in silence: never an answer (Omega Z)."""


class Takeover(Choice):
    """What request-control of a second client does while the first one is in control."""

    GRANT = auto()
    """The second gets control; the first is told by status FF."""
    REFUSE = auto()
    """The second is told 04."""


class Write(Choice):
    """Which kind of write the control point takes."""

    WITH_RESPONSE = auto()
    """As specified."""
    WITHOUT_RESPONSE = auto()
    """Commands only (UREVO, BH): a write request gets ATT error 03."""
    EITHER = auto()
    """Both kinds."""


class Busy(Choice):
    """What happens to a write while a procedure runs."""

    REFUSE = auto()
    """ATT error FE, as specified; the write is not queued."""
    QUEUE = auto()
    """It is carried out as well."""
    IGNORE = auto()
    """It is lost without a word."""


class Honesty(Choice):
    """What the machine answers to a procedure that it cannot carry out."""

    HONEST = auto()
    """02 not supported, 03 invalid parameter, 04 failed."""
    SUCCESS_TO_EVERYTHING = auto()
    """01, even for an incline that it does not have (UREVO, FitShow)."""


class OffStep(Choice):
    """What happens to a target between two increments."""

    ROUND_DOWN = auto()
    """The increment below is used."""
    ACCEPT = auto()
    """It is used as it is."""
    REFUSE = auto()
    """03 invalid parameter."""


class OutOfRange(Choice):
    """What happens to a target outside the machine's own range."""

    REFUSE = auto()
    """03 invalid parameter, as specified."""
    CLAMP = auto()
    """The nearest limit is used."""
    MAXIMUM = auto()
    """It drives to the maximum (FS-6041F1)."""


class RemoteStart(Choice):
    """What Start (07) does at a standstill."""

    STARTS = auto()
    """The belt starts."""
    REFUSED = auto()
    """04: a person must press Start on the console (several machines)."""
    WAKES_FIRST = auto()
    """The first one only wakes the machine, the second starts the belt (hassio-ftms #4)."""


class StartAgain(Choice):
    """What Start (07) does while the belt already runs or counts down."""

    FAILS = auto()
    """04 already started: `80 07 04`."""
    SUCCEEDS = auto()
    """01 and nothing happens (CITYSPORTS)."""
    STOPS = auto()
    """It toggles: the belt stops (TM11GY)."""


class StartSpeed(Choice):
    """Which speed a start goes to."""

    MINIMUM = auto()
    """The machine's own start speed."""
    LAST = auto()
    """The last speed of the previous session (UREVO E1L)."""


class StopAgain(Choice):
    """What Stop does while the belt is coasting to a stop."""

    SUCCEEDS = auto()
    """01 and nothing happens."""
    RESTARTS = auto()
    """The belt starts again (K12)."""


class SpeedEarly(Choice):
    """What a speed does while the machine counts down or spins up."""

    ACCEPTED = auto()
    """It becomes the target."""
    CONTROL_NOT_PERMITTED = auto()
    """05 (WalkingPad PH4)."""
    LINK_DIES = auto()
    """The Bluetooth link drops (KingSmith)."""


class SpeedAtRest(Choice):
    """What a speed does while the belt stands still."""

    FAILS = auto()
    """04 failed."""
    IGNORED = auto()
    """01, without effect."""
    REMEMBERED = auto()
    """01; the next start goes to it."""


class Moment(Choice):
    """When a status is sent."""

    COMMAND = auto()
    """When the command is taken."""
    MOTION = auto()
    """When the belt really starts to move or comes to rest."""
    NEVER = auto()
    """Not at all."""


class TargetStatus(Choice):
    """What status 05 tells about a new speed."""

    ONCE = auto()
    """The new target, once."""
    RAMP = auto()
    """The momentary speed again and again while the belt ramps (UREVO)."""
    NEVER = auto()
    """Nothing."""


class Audience(Choice):
    """Who is told about a change that a client asked for."""

    EVERYONE = auto()
    """All subscribers, the asking one too (CITYSPORTS)."""
    OTHERS = auto()
    """All but the asking one, as specified."""


class OnConnect(Choice):
    """What a new connection does to the belt."""

    NOTHING = auto()
    """Nothing."""
    STARTS = auto()
    """It starts by itself (Horizon 7.4)."""
    STOPS = auto()
    """It stops (Sole F65, Freemotion 530)."""


class OnDisconnect(Choice):
    """What the end of the controlling connection does to the belt; nothing in FTMS says."""

    RUNS_ON = auto()
    """The belt keeps its speed."""
    STOPS = auto()
    """The belt stops."""
