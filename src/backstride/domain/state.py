"""What a session is made of: plain values, and no way to change them but to make new ones."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.domain.bounds import Envelope
from backstride.domain.commands import Command
from backstride.domain.events import Ownership
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Cause, Finding
from backstride.domain.heart import Heart
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import Machine
from backstride.domain.phases import Phase
from backstride.domain.units import SECOND, Incline, Ms, Speed
from backstride.domain.walker import Walker
from backstride.domain.workout import Facing, Program, Workout


class Then(StrEnum):
    """What follows when the belt that is being stopped is proven still."""

    FINISH = "finish"
    PAUSE = "pause"
    TURN = "turn"
    FAULT = "fault"


class Control(StrEnum):
    """Whether the machine lets us command it."""

    NONE = "none"
    ASKED = "asked"
    GRANTED = "granted"
    ASSUMED = "assumed"
    """It never answered the request; some machines never do, and obey."""
    REFUSED = "refused"


IN_CONTROL: Final = frozenset({Control.GRANTED, Control.ASSUMED})
"""What lets commands be sent."""


class Options(Struct, frozen=True, kw_only=True):
    """The session's times, in ms; the defaults are the product's, with their reasons."""

    confirm_window: Ms = 45 * SECOND
    """An arming dies after this long, as a belt locks after it (Tread+ recall, 2021)."""
    countdown: Ms = 10 * SECOND
    """Spoken before the belt starts."""
    patience: Ms = 10 * 60 * SECOND
    """A pause or a turn that nobody ends is finished after this long [CHOICE]."""
    technique: bool = True
    """Remind of the technique now and then."""


class Pending(Struct, frozen=True):
    """The one procedure that runs."""

    ticket: int
    command: Command
    sent_at: Ms


class Drive(Struct, frozen=True, kw_only=True):
    """What this session commanded on this connection.

    `target` is the last commanded speed (what the belt was found at, before the first command) and
    `previous` the one before it; `commanded` says that there was one since the belt got going, `followed`
    that the belt came to the target. `incline_from` is
    where the deck was at the last command.
    `retry_at` holds commands back after a refusal. `probed` counts commands whose effect was seen:
    nothing rises before the first, and by one step only before the second. While a probe runs
    (`probe_at`), the belt must come to `probe_goal`, give or take `probe_slack`. `stop_since` is the
    first Stop of a series, the other `stop_*` belong to its last; `unconfirmed` says that a person
    was told that the series came to nothing, `crept` that a Stop was repeated to a belt below its
    lowest speed.
    """

    target: Speed = 0
    target_at: Ms = 0
    previous: Speed = 0
    commanded: bool = False
    followed: bool = False
    lowered_at: Ms = 0
    incline: Incline = 0
    incline_at: Ms = 0
    incline_from: Incline = 0
    pending: Pending | None = None
    retry_at: Ms = 0
    unknowns: int = 0
    refusals: int = 0
    probed: int = 0
    probe_at: Ms | None = None
    probe_goal: Speed = 0
    probe_slack: Speed = 0
    stop_at: Ms | None = None
    stop_since: Ms | None = None
    stop_answered_at: Ms | None = None
    stop_retry_at: Ms | None = None
    unconfirmed: bool = False
    crept: bool = False


class Cues(Struct, frozen=True, kw_only=True):
    """What was announced: the last cue about a change, the segment it was about, whether heard.

    `segment` is -1 when nothing was announced yet; a change of plan announces again. `missed` counts
    how often the cue was given before without anybody taking it. `taken` says
    of which segments the walker knows and since when: the present one and the next at most.
    """

    number: int = 0
    segment: int = -1
    about: int = 0
    asked_at: Ms = 0
    heard_at: Ms | None = None
    missed: int = 0
    taken: tuple[tuple[int, Ms], ...] = ()
    seconds: int = 0


class Guide(Struct, frozen=True, kw_only=True):
    """What the guidance remembers of what it said. Control depends on none of it.

    Until `quiet_at` the last cue takes its time. `reminded_at` and `reminders` are about technique;
    `reached` is the speed whose arrival needs no word (0.01 km/h); `beeped` is the segment and the
    second of the last beep; `ended` is the segment whose end was announced as the program's.
    """

    quiet_at: Ms = 0
    reminded_at: Ms = 0
    reminders: int = 0
    reached: Speed | None = None
    beeped: tuple[int, int] = (-1, 0)
    ended: int = -1


class Session(Struct, frozen=True, kw_only=True):
    """Everything a session knows. Times are instants of the events' clock unless named otherwise.

    `walker` is what the treadmill's configuration allows any walker, `person` who said that they walk,
    `max_heart_rate` (1/min) the highest of whoever walks here, as configured.
    `owed` says that the belt owes us a proven rest; `debtor` names its machine while another one
    answers in its place. `started_at` is when our Start went out, until the belt is seen to move:
    until it must have, a belt at 0 has not come to rest. `rested_at` is when our Stop was last proven,
    `ending` says that the service goes down and nothing may start any more. `adopted` is an earlier life's
    claim on the belt until it is judged; `doubt` holds counters that deny it, as seen at `doubt_at`.
    """

    site: SiteRules = SiteRules()
    walker: Caps | None = None
    person: Walker | None = None
    max_heart_rate: int | None = None
    options: Options = Options()
    phase: Phase = Phase.OFFLINE
    since: Ms = 0
    now: Ms = 0
    ticked_at: Ms | None = None
    gap: Ms = 0
    gap_at: Ms = 0
    epoch: int = 0
    linked: bool = False
    machine: Machine | None = None
    control: Control = Control.NONE
    control_asks: int = 0
    control_ticket: int = 0
    control_at: Ms = 0
    evidence: Evidence = Evidence()
    heart: Heart = Heart()
    drive: Drive = Drive()
    bus: bool = False
    outage: Ms = 0
    bus_since: Ms = 0
    selected: Program | None = None
    program: Program | None = None
    workout: Workout | None = None
    envelope: Envelope | None = None
    script: Ms = 0
    trim: Speed = 0
    facing: Facing = Facing.FORWARD
    cues: Cues = Cues()
    guide: Guide = Guide()
    voice: bool = True
    start_granted: bool = False
    confirmed_epoch: int = 0
    moving_since: Ms | None = None
    then: Then = Then.FINISH
    owed: bool = False
    debtor: str | None = None
    started_at: Ms | None = None
    rested_at: Ms | None = None
    ending: bool = False
    paused: bool = False
    holds: tuple[Cause, ...] = ()
    findings: tuple[Cause, ...] = ()
    off_since: Ms | None = None
    downhill_since: Ms | None = None
    seen_at: Ms = 0
    asked_at: Ms | None = None
    fault: Finding | None = None
    ended_by: str | None = None
    adopted: Ownership | None = None
    adopted_age: Ms = 0
    adopted_at: Ms = 0
    doubt: Ownership | None = None
    doubt_at: Ms = 0
    bound: str | None = None
    stop_wanted_at: Ms | None = None
    tickets: int = 0
    top_speed: Speed = 0
    walked: Ms = 0
