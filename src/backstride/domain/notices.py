"""What a session tells the people around it. Notices move nothing; adapters carry them outside."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypedDict

from msgspec import Struct

from backstride.domain.units import Incline, Ms, Speed


class Reply(StrEnum):
    """How a request was taken."""

    OK = "ok"
    """Done, or begun."""
    REFUSED = "refused"
    """Understood and not done; the code says why."""
    ERROR = "error"
    """Not understood."""


class Answer(Struct, frozen=True, kw_only=True, tag="answer"):
    """The answer to the request with this id: a code for programs, a sentence for people."""

    id: str
    reply: Reply
    code: str
    sentence: str
    phase: str


class CueKind(StrEnum):
    """What a cue is for; outlets choose voice, tone and colour by it."""

    ARMED = "armed"
    COUNTDOWN = "countdown"
    STEP_ON = "step_on"
    FASTER = "faster"
    SLOWER = "slower"
    STEADY = "steady"
    STEEPER = "steeper"
    FLATTER = "flatter"
    TURN = "turn"
    STOPPING = "stopping"
    STOPPED = "stopped"
    HOLD = "hold"
    CHECK_IN = "check_in"
    ALARM = "alarm"
    FINISHED = "finished"
    BEEP = "beep"
    """3, 2, 1 before a change: a tone, not a word."""
    REACHED = "reached"
    """The measured speed came to the one that was announced."""
    ENDING = "ending"
    """The belt slows down and stops soon, as planned."""
    TECHNIQUE = "technique"
    """How to walk: the least urgent thing there is to say."""


URGENCY: Final[dict[CueKind, int]] = {
    CueKind.ALARM: 4,
    CueKind.STOPPING: 3, CueKind.STOPPED: 3, CueKind.HOLD: 3, CueKind.TURN: 3,
    CueKind.STEP_ON: 3, CueKind.FINISHED: 3,
    CueKind.ARMED: 2, CueKind.COUNTDOWN: 2, CueKind.CHECK_IN: 2, CueKind.FASTER: 2,
    CueKind.SLOWER: 2, CueKind.STEADY: 2, CueKind.STEEPER: 2, CueKind.FLATTER: 2,
    CueKind.BEEP: 1, CueKind.REACHED: 1, CueKind.ENDING: 1,
    CueKind.TECHNIQUE: 0,
}  # fmt: skip
"""What an outlet says first. A more urgent cue cuts off what is being said and cancels what waits; an
equally or less urgent one waits, in the place of whatever less urgent or older one waited."""


class Technique(StrEnum):
    """What a walker is reminded of, in the order in which it is said."""

    TOES_FIRST = "toes_first"
    TALL = "tall"
    FIXED_POINT = "fixed_point"
    NEAR_RAILS = "near_rails"
    LEFT_SHOULDER = "left_shoulder"
    RIGHT_SHOULDER = "right_shoulder"


class Told(TypedDict, total=False):
    """What a cue is about, beyond its kind; each is a field of `Cue`."""

    speed: Speed
    ramp_to: Speed
    incline: Incline
    within: Ms
    length: Ms
    technique: Technique
    note: str
    cause: str
    action: str


class Cue(Struct, frozen=True, kw_only=True, tag="cue"):
    """Something to say and show now. `number` comes back in `CueHeard` when an outlet took it.

    `text` is the English sentence. Where it has numbers or names in it they stand beside it, so that an
    outlet can say the same in another language: `speed` is what the cue announces and `ramp_to` where a
    ramp ends (0.01 km/h), `incline` in 0.1 %, `within` how long until it happens and `length` how long
    it lasts (ms), `note` what the program's author wrote and nobody translates, `cause` and `action` an
    alarm's.
    """

    at: Ms
    number: int
    kind: CueKind
    text: str
    speed: Speed | None = None
    ramp_to: Speed | None = None
    incline: Incline | None = None
    within: Ms | None = None
    length: Ms | None = None
    technique: Technique | None = None
    note: str | None = None
    cause: str | None = None
    action: str | None = None


class Alarm(Struct, frozen=True, kw_only=True, tag="alarm"):
    """Something is wrong: what, what is done about it, and what a person should do."""

    at: Ms
    cause: str
    action: str
    sentence: str


class Moved(Struct, frozen=True, kw_only=True, tag="moved"):
    """The session went from one phase to another; `trigger` names the row of the table."""

    at: Ms
    before: str
    after: str
    trigger: str


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """The gate refused a command that the session wanted: seen by whoever maintains it."""

    at: Ms
    command: str
    rule: str
    sentence: str


type Notice = Answer | Cue | Alarm | Moved | Refused
