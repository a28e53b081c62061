"""What a session tells the people around it. Notices move nothing; adapters carry them outside."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from backstride.domain.units import Ms, Speed


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


class Cue(Struct, frozen=True, kw_only=True, tag="cue"):
    """Something to say and show now. `number` comes back in `CueHeard` when an outlet took it.

    `speed` is what the cue announces (0.01 km/h), `within` how long until it happens (ms).
    """

    at: Ms
    number: int
    kind: CueKind
    text: str
    speed: Speed | None = None
    within: Ms | None = None


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
