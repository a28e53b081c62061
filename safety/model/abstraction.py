"""A session's representative: equal for sessions that no future event can tell apart.

Why this is sound
-----------------
A session holds instants of a clock, counters and texts, so that no two are ever equal. What it *does* depends
on less, and the representative keeps just that:

* *Instants* are only ever compared as an age (`now - at > LIMIT`). The representative moves `now` to
  one fixed
  instant and every other with it, and lets no age grow beyond the largest limit it is compared with: older is
  just "too old", now and for ever. Where two instants are compared with each other (`low_at > since_at`,
  `target_at >= since`, `incline_at < since`) their order is kept.
* *Counters* are compared with small constants (`zeros >= 2`, `unknowns >= 3`) and stop counting there.
* *Names* (tickets, epochs, cue numbers) are only compared for equality or order, and are renamed in order.
* *Machine counters* (elapsed time, distance) are only compared with the frame before, or with an adopted
  record, and are shifted together.
* *Texts and statistics* (sentences of faults, findings already announced, what the guidance
  remembers, top speed, time walked) change what is said, not what is done.
* *Leftovers* of a run (targets, probes, cues, place in the script) are dropped in the phases that only a new
  confirm or a new arming leads out of, because these set them anew.

That is an argument, not a proof, and the product changes. So it is tested in two ways. `GUARD` names
every field
of every struct; a field that it does not know fails a test until somebody decides what becomes of it. And
`tests/model` walks the same random stories with raw sessions and with representatives side by side: as
soon as one orders, answers or moves otherwise than the other, the test fails. A mistake of the second
kind could only make the search miss something; one that merges too little only makes it slower.

What is *not* covered: time passes in steps of the scene's `dt`, and events of one step come in one of
a few orders.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from msgspec.structs import replace

from backstride.domain import (
    ceiling,
    cues,
    evidence,
    following,
    heart,
    intake,
    outcomes,
    plausibility,
    recovery,
    stopping,
    supervision,
)
from backstride.domain.events import Ownership
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.heart import Heart
from backstride.domain.session import Control, Cues, Drive, Guide, Phase, Session, Then
from backstride.domain.workout import Facing

BASE: Final = 1_000_000
"""The instant at which every representative lives, ms."""
COUNTED: Final = 1_000
"""What the machine's elapsed time reads in every representative, s."""
PENDING, CONTROL, FIRST_FREE = 1, 2, 3
"""Names of tickets: the running procedure's, the control request's, and the next that will be given."""
LATCHED: Final = Finding(Action.STOP, Cause.BLIND, "")
"""Which fault it is makes no difference to what is done."""

GUARD: Final = {
    "Session": (
        "site walker person max_heart_rate options phase since now ticked_at gap gap_at epoch linked"
        " machine control control_asks control_ticket control_at evidence heart drive bus outage bus_since"
        " selected program workout envelope script trim facing cues guide voice start_granted"
        " confirmed_epoch moving_since then owed debtor started_at rested_at ending paused holds findings"
        " off_since downhill_since seen_at asked_at fault ended_by adopted adopted_age adopted_at doubt"
        " doubt_at bound stop_wanted_at tickets top_speed walked"
    ),
    "Drive": (
        "target target_at previous commanded followed lowered_at incline incline_at incline_from pending"
        " retry_at unknowns refusals probed probe_at probe_goal probe_slack stop_at stop_since"
        " stop_answered_at"
        " stop_retry_at unconfirmed crept"
    ),
    "Evidence": (
        "at speed speed_at incline incline_at distance elapsed energy heart_rate heart_rate_at steps frames"
        " zeros over since since_at low low_at level level_at advanced_at counts ticks signs sign_at"
    ),
    "Heart": "rate contact battery at over_since held_by calm_since eased",
    "Cues": "number segment about asked_at heard_at taken seconds missed",
}
"""Every field that the representative was thought through for."""

_ADOPTED: Final = 20_000
"""A record ages no further: all within SAME_RUN are alike, and the belt's counter goes by this age."""
_RESTING = frozenset(
    {Phase.OFFLINE, Phase.IDLE, Phase.ARMED, Phase.FINISHED, Phase.HANDED_OVER, Phase.FAULTED}
)
"""Only an arming leads on from here, or (ARMED) a confirm right after one."""
_SCRIPTLESS = _RESTING - {Phase.ARMED}
_CUED = frozenset({Phase.RUNNING, Phase.HOLDING})
_FINAL = frozenset({Then.FINISH, Then.FAULT})


def _before(now: int, at: int, limit: int) -> int:
    """The instant `at`, moved to the representative's clock, no older than just beyond `limit`."""
    return BASE - min(now - at, limit + 1)


def _maybe(now: int, at: int | None, limit: int) -> int | None:
    return None if at is None else _before(now, at, limit)


def _ahead(now: int, at: int | None) -> int | None:
    return None if at is None else BASE + max(at - now, 0)


def canonical(s: Session) -> Session:
    """The representative of a session."""
    now, phase = s.now, s.phase
    since = BASE - min(now - s.since, _since_limit(s))
    owing = s.owed or phase not in {Phase.TURNING, Phase.HOLDING}
    driven = owing and phase not in _RESTING and phase is not Phase.STOPPING
    scripted = phase not in _SCRIPTLESS and not (
        phase in {Phase.SLOWING, Phase.STOPPING} and s.then in _FINAL
    )
    gapped = s.gap > supervision.GAP_HOLD and now - s.gap_at <= supervision.GAP_MEMORY
    unseen = s.gap > supervision.GAP_HOLD and not following.in_sight(s)
    waits = s.control is Control.ASKED or s.control is Control.REFUSED
    checked = s.program is not None and s.program.check_in is not None
    moving = phase in {Phase.COUNTDOWN, Phase.STARTING} or driven
    resting = s.rested_at is not None and now - s.rested_at <= supervision.RESTART_WATCH
    wanted = (
        s.stop_wanted_at
        if s.stop_wanted_at is not None and now - s.stop_wanted_at <= recovery.STOP_VALID
        else None
    )
    watched = supervision.START_TIME if s.started_at is not None else 0
    told = ceiling.ceiling_of(s) is not None
    seen = _evidence(s.evidence, now, watched, told=told)
    adopted = _shifted(s.adopted, s.evidence)
    doubt = _shifted(s.doubt, s.evidence) if adopted else None
    pending = s.drive.pending
    return replace(
        s,
        now=BASE,
        since=since,
        ticked_at=_maybe(now, s.ticked_at, supervision.GAP_SLOW + supervision.OUTAGE_SLOW),
        gap=s.gap if gapped else supervision.GAP_HOLD + 1 if unseen else 0,
        gap_at=_gap_at(s, seen, gapped=gapped, unseen=unseen),
        epoch=2,
        confirmed_epoch=2 if s.confirmed_epoch == s.epoch or phase in _RESTING else 1,
        tickets=FIRST_FREE - 1,
        control_ticket=CONTROL if s.control_ticket else 0,
        control_at=_before(now, s.control_at, outcomes.ANSWER_TIME) if waits else BASE,
        control_asks=min(s.control_asks, supervision.CONTROL_ASKS),
        evidence=seen,
        heart=_heart(s),
        drive=_drive(s, since=since, driven=driven, named=PENDING if pending else 0),
        outage=min(s.outage, supervision.OUTAGE_SLOW + 1),
        bus_since=_before(now, s.bus_since, intake.OUTAGE_MEMORY) if s.bus and s.outage else BASE,
        script=min(s.script, s.workout.duration) if scripted and s.workout else 0,
        trim=s.trim if scripted else 0,
        facing=s.facing if scripted else Facing.FORWARD,
        cues=_cues(s),
        guide=Guide(),
        voice=True,
        moving_since=_maybe(now, s.moving_since, plausibility.SPIN_UP) if moving else None,
        then=Then.FINISH if phase in _RESTING else s.then,
        started_at=_started(s, seen),
        rested_at=_maybe(now, s.rested_at, supervision.RESTART_WATCH) if resting else None,
        holds=s.holds if phase is Phase.HOLDING else (),
        findings=(),
        off_since=_maybe(now, s.off_since, plausibility.OVER_TIME) if moving else None,
        downhill_since=_maybe(now, s.downhill_since, plausibility.DOWNHILL_TIME),
        seen_at=_before(now, s.seen_at, s.program.check_in or 0)
        if checked and s.program is not None
        else BASE,
        asked_at=_maybe(now, s.asked_at, supervision.CHECK_STOP) if checked else None,
        fault=None if s.fault is None else LATCHED,
        ended_by=None,
        adopted=adopted,
        adopted_age=s.adopted_age if adopted else 0,
        adopted_at=_before(now, s.adopted_at, _ADOPTED) if adopted else BASE,
        doubt=doubt,
        doubt_at=_before(now, s.doubt_at, _ADOPTED) if doubt else BASE,
        stop_wanted_at=_maybe(now, wanted, recovery.STOP_VALID),
        top_speed=0,
        walked=0,
    )


def _shifted(record: Ownership | None, seen: Evidence) -> Ownership | None:
    """A record whose time is told from the newest frame's."""
    if record is None or record.elapsed is None:
        return record
    gone = 0 if seen.elapsed is None else seen.elapsed - record.elapsed
    return replace(record, elapsed=COUNTED - gone)


def _since_limit(s: Session) -> int:
    """How old a phase can get before its age says nothing more."""
    blind = plausibility.BLIND_AGE + 1
    match s.phase:
        case Phase.ARMED:
            return s.options.confirm_window
        case Phase.COUNTDOWN:
            return max(s.options.countdown, blind)
        case Phase.STARTING:
            return max(supervision.START_TIME, supervision.CONSOLE_TIME) + 1
        case Phase.RUNNING:
            return blind if s.drive.probed else max(plausibility.PROBE_WAIT + 1, blind)
        case Phase.TURNING | Phase.HOLDING:
            if not s.owed:
                return s.options.patience
            tilts = s.machine is not None and s.machine.incline is not None
            settled = max(supervision.DOUBT_TIME + 1, plausibility.SLOPE_SETTLE + 2 if tilts else 0)
            return stopping.SLOWEST + 1 if s.phase is Phase.TURNING else settled
        case Phase.SLOWING:
            return stopping.SLOWEST + 1
        case Phase.OFFLINE | Phase.IDLE:
            return blind if s.adopted is not None else 0
        case _:
            return 0


def _started(s: Session, seen: Evidence) -> int | None:
    """When Start went out: compared with now, and with the newest frame."""
    started, frame = s.started_at, s.evidence.speed_at
    if started is None or frame is None or seen.speed_at is None:
        return _maybe(s.now, started, supervision.START_TIME)
    if frame - started > supervision.START_TIME:
        return seen.speed_at - supervision.START_TIME - 1
    return _before(s.now, started, supervision.START_TIME)


def _gap_at(s: Session, seen: Evidence, *, gapped: bool, unseen: bool) -> int:
    """When the loop last stood still: compared with now, and with the newest frame."""
    if gapped:
        return _before(s.now, s.gap_at, supervision.GAP_MEMORY)
    old = BASE - supervision.GAP_MEMORY - 1
    frame = s.evidence.speed_at
    if not (unseen or s.started_at is not None) or frame is None or seen.speed_at is None:
        return old
    if frame > s.gap_at + supervision.GAP_HOLD:
        return min(old, seen.speed_at - supervision.GAP_HOLD - 1)
    return max(old, seen.speed_at - supervision.GAP_HOLD)


def _evidence(e: Evidence, now: int, watched: int, *, told: bool) -> Evidence:
    speed_at = _maybe(now, e.speed_at, max(plausibility.BLIND_AGE, watched))
    level_at = low_at = since_at = 0
    if e.speed_at is not None and speed_at is not None:
        if e.level is not None:
            level_at = speed_at - min(e.speed_at - e.level_at, evidence.STEADY_TIME)
        if e.since:
            low_at = speed_at - min(e.speed_at - e.low_at, evidence.NO_FALL)
            since_at = low_at - (1 if e.low_at > e.since_at else 0)
    frozen = plausibility.FROZEN_SLOW + plausibility.METRE // max(e.speed or 1, 10)
    return replace(
        e,
        at=speed_at,
        speed_at=speed_at,
        incline_at=None if e.incline_at is None else BASE,
        distance=None if e.distance is None else 0,
        elapsed=None if e.elapsed is None else COUNTED,
        signs=min(e.signs, supervision.SIGNS),
        sign_at=_before(now, e.sign_at, supervision.ABSENT_STOP) if e.signs else BASE,
        energy=None,
        heart_rate=e.heart_rate if told else None,
        heart_rate_at=_maybe(now, e.heart_rate_at, heart.PULSE_AGE) if told else None,
        steps=None,
        frames=0,
        zeros=min(e.zeros, evidence.STILL_FRAMES),
        over=min(e.over, evidence.STILL_FRAMES),
        since=min(e.since, evidence.STILL_FRAMES),
        since_at=since_at,
        low=e.low if e.since else 0,
        low_at=low_at,
        level_at=level_at,
        advanced_at=_before(now, e.advanced_at, frozen) if e.counts and e.moving() else BASE,
    )


def _heart(s: Session) -> Heart:
    """Without a ceiling it is only shown; with one, a pulse counts while it is fresh."""
    h, now = s.heart, s.now
    if ceiling.ceiling_of(s) is None:
        return Heart()
    fresh = h.at is not None and now - h.at <= heart.PULSE_AGE
    return Heart(
        rate=h.rate if fresh else None,
        at=h.at and _before(now, h.at, heart.PULSE_AGE) if fresh else None,
        over_since=_maybe(now, h.over_since, ceiling.END_AFTER),
        held_by=h.held_by,
        calm_since=_maybe(now, h.calm_since, ceiling.CALM_TIME),
    )


def _drive(s: Session, *, since: int, driven: bool, named: int) -> Drive:
    d, now = s.drive, s.now
    pending = (
        None
        if d.pending is None
        else replace(
            d.pending, ticket=named, sent_at=_before(now, d.pending.sent_at, outcomes.ANSWER_TIME)
        )
    )
    stop = replace(
        Drive(),
        incline=d.incline,
        pending=pending,
        retry_at=BASE,
        target_at=BASE - plausibility.SETTLE - 1,
        lowered_at=BASE - plausibility.GRACE - 1,
        incline_at=BASE - plausibility.SLOPE_SETTLE - 1,
        stop_at=_maybe(now, d.stop_at, stopping.STOP_SILENCE),
        stop_since=None
        if d.stop_since is None
        else BASE - stopping.STOP_PATIENCE - 1
        if d.unconfirmed
        else _before(now, d.stop_since, stopping.STOP_PATIENCE),
        stop_answered_at=None if d.stop_answered_at is None else BASE,
        stop_retry_at=_ahead(now, d.stop_retry_at),
        unconfirmed=d.unconfirmed,
        crept=d.crept,
    )
    if not driven:
        return stop
    tilts = s.machine is not None and s.machine.incline is not None
    descends = s.phase in {Phase.SLOWING, Phase.TURNING}
    place = _relative if descends else _plain
    return replace(
        stop,
        target=d.target,
        target_at=place(now, d.target_at, plausibility.SETTLE, s.since, since),
        previous=d.previous,
        commanded=d.commanded,
        followed=d.followed,
        lowered_at=_before(now, d.lowered_at, plausibility.GRACE),
        incline_at=(_relative if s.phase is Phase.HOLDING else _plain)(
            now, d.incline_at, plausibility.SLOPE_SETTLE, s.since, since
        )
        if tilts
        else BASE,
        incline_from=d.incline_from,
        retry_at=_ahead(now, d.retry_at) or BASE,
        unknowns=min(d.unknowns, supervision.SILENCES),
        refusals=min(d.refusals, supervision.SILENCES),
        probed=min(d.probed, 2),
        probe_at=_maybe(now, d.probe_at, plausibility.PROBE_TIME),
        probe_goal=0 if d.probe_at is None else d.probe_goal,
        probe_slack=0 if d.probe_at is None else d.probe_slack,
    )


def _relative(now: int, at: int, limit: int, since: int, bounded: int) -> int:
    """An instant that is also compared with the phase's: older than that stays older."""
    bare = _before(now, at, limit)
    return min(bare, bounded - 1) if at < since else max(bare, bounded)


def _plain(now: int, at: int, limit: int, since: int, bounded: int) -> int:  # noqa: ARG001
    return _before(now, at, limit)


def _cues(s: Session) -> Cues:
    c, now = s.cues, s.now
    if s.phase is Phase.COUNTDOWN:
        return Cues(seconds=c.seconds)
    if s.phase not in _CUED:
        return Cues()
    waits = c.heard_at is None and c.segment >= 0
    return Cues(
        number=1,
        segment=c.segment,
        about=1 if waits else 0,
        asked_at=_before(now, c.asked_at, max(cues.AGAIN, supervision.CUE_TIME)) if waits else BASE,
        heard_at=None if c.heard_at is None else BASE,
        missed=min(c.missed, 2),
        taken=tuple((index, _before(now, at, cues.REACTION)) for index, at in c.taken),
    )


_FIXED: Final = frozenset(
    {"site", "walker", "person", "max_heart_rate", "options", "machine"}
    | {"selected", "program", "workout", "envelope"}
)
_VARYING: Final = attrgetter(*(name for name in Session.__struct_fields__ if name not in _FIXED))


def key(s: Session) -> tuple[object, ...]:
    """A representative as a tuple that is quick to hash. What never changes in a scene is there or not."""
    machine = s.machine
    which = None if machine is None else machine.fingerprint
    return (which, s.program is None, s.envelope is None, s.selected is None, _VARYING(s))
