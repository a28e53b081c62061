"""Connections that come and go, an earlier life's belt, and the end of the service.

Nothing here ever starts a belt: a new connection brings Stop to whom rest is owed, and no more.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride.domain.commands import RequestControl
from backstride.domain.envelope import envelope
from backstride.domain.events import Adopt, LinkUp, Ownership
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.machine import Machine
from backstride.domain.notices import CueKind
from backstride.domain.plausibility import BLIND_AGE
from backstride.domain.session import (
    TABLE,
    Control,
    Draft,
    Drive,
    Phase,
    Session,
    Then,
    Trigger,
)
from backstride.domain.stopping import fault, halt_now
from backstride.domain.supervision import START_TIME, underway
from backstride.domain.units import MINUTE, SECOND, Ms

STOP_VALID: Final[Ms] = MINUTE
"""A Stop asked while there is no connection is sent if it comes back within this [CHOICE]."""
SAME_RUN: Final[Ms] = 10 * MINUTE
"""So old a record is taken for this run if no counter speaks against it [CHOICE]."""
SLACK: Final = 60
"""A counter may be off by this from what the record's age explains, s and m [CHOICE]."""
STRIDE: Final = 3
"""No belt that we left runs faster than so many metres a second: 8 km/h is 2.2."""
_STRANGER: Final = "this is not the treadmill that was left during a session: look at that one"


def link_up(d: Draft, event: LinkUp) -> None:
    """A new connection: nothing seen before counts; what is owed will be collected by the pilot."""
    if d.s.linked:
        link_down(d, "a new connection replaced it")
    s = d.s
    debtor = s.debtor or (s.machine.fingerprint if s.owed and s.machine is not None else None)
    stranger = debtor is not None and debtor != event.machine.fingerprint
    d.set(
        epoch=event.epoch, linked=True, machine=event.machine, control=Control.NONE,
        control_asks=0, evidence=Evidence(), drive=Drive(), off_since=None, downhill_since=None,
        debtor=debtor if stranger else None, rested_at=None,
    )  # fmt: skip
    if stranger:
        sentence = "another treadmill answers now: look at the one you left, and stop it there"
        d.alarm(Finding(Action.ANNOUNCE, Cause.MACHINE_CHANGED, sentence))
    if s.phase is not Phase.OFFLINE:
        return
    wanted = s.stop_wanted_at
    d.move(Trigger.LINK_UP, stop_wanted_at=None)
    if wanted is not None and s.now - wanted <= STOP_VALID:
        d.set(then=Then.FINISH, ended_by="stopped by request")
        halt_now(d)


def link_down(d: Draft, reason: str) -> None:
    """The connection is gone; a belt that moves because of us now does so unseen."""
    s = d.s
    d.set(
        linked=False, control=Control.NONE, start_granted=False, drive=Drive(), paused=False,
        evidence=Evidence(), off_since=None, downhill_since=None, rested_at=None, holds=(),
        findings=(),
    )  # fmt: skip
    lost = Finding(
        Action.STOP, Cause.LINK_LOST, f"the connection to the treadmill is lost: {reason}"
    )
    if TABLE[s.phase][Trigger.LINK_DOWN] is Phase.FAULTED and s.phase is not Phase.FAULTED:
        fault(d, lost)
    elif s.phase in {Phase.ARMED, Phase.COUNTDOWN, Phase.HANDED_OVER}:
        d.alarm(lost)
    if s.phase is Phase.HANDED_OVER and s.fault is not None:
        d.move(Trigger.FAULT)
    else:
        d.move(Trigger.LINK_DOWN)


def adopt(d: Draft, event: Adopt) -> None:
    """An earlier life left a record; it says nothing to a session that is already under way."""
    if d.s.phase in {Phase.OFFLINE, Phase.IDLE}:
        d.set(adopted=event.record, adopted_age=event.age, adopted_at=d.s.now, doubt=None)


def recognise_in_silence(d: Draft, record: Ownership) -> None:
    """The belt that we may have left moving does not report: Stop, if it is the same machine."""
    s = d.s
    if s.now - max(s.since, s.adopted_at) <= BLIND_AGE:
        return
    if _it(s, record):
        _restarted(d)
        halt_now(d)
    else:
        _not_ours(d, _STRANGER)


def recognise(d: Draft, record: Ownership) -> None:
    """The first speeds after a restart: is this the belt that we left moving?"""
    s, speed = d.s, d.s.evidence.speed
    age = s.adopted_age + s.now - s.adopted_at
    if _it(s, record) is None:
        _not_ours(d, _STRANGER)
    elif s.evidence.still and age <= START_TIME:
        # Our Start may have been the last thing sent: Stop, before it takes effect.
        _restarted(d)
        d.set(started_at=s.now - age)
        halt_now(d)
    elif s.evidence.still:
        _restarted(d)
        d.move(Trigger.FAULT, rested_at=s.now)
    elif speed and (machine := _it(s, record)) and _goes_on(s.evidence, record, age):
        _restarted(d)
        d.set(envelope=envelope(s.site, machine, s.walker, None, s.person))
        d.drive(target=speed, target_at=s.now, previous=speed)
        d.order(RequestControl())
        d.move(Trigger.SLOW, owed=True, confirmed_epoch=s.epoch, off_since=None)
    elif speed:
        _disown(d, record)


def _disown(d: Draft, record: Ownership) -> None:
    """Counters that deny the record must be seen to count first: a frame can be garbage.

    Those that never are, are as good as silence, and `recognise_in_silence` settles it.
    """
    s, seen, doubt = d.s, d.s.evidence, d.s.doubt
    denied = _it(s, record) is not None and _gone(seen, record) is not None
    told = None if doubt is None else _gone(seen, doubt)
    if denied and told is not None and told[0] == 0:
        return  # nothing new: the frame may lack the counter
    if denied and (doubt is None or not _goes_on(seen, doubt, s.now - s.doubt_at)):
        counters = replace(record, distance=seen.distance, elapsed=seen.elapsed)
        d.set(doubt=counters, doubt_at=s.now)
    else:
        _not_ours(d, "the belt moves, but not as we left it: only watching")


def _restarted(d: Draft) -> None:
    sentence = "the service was interrupted during a session: the belt is brought to rest"
    d.set(adopted=None)
    fault(d, Finding(Action.SLOW_DOWN, Cause.RESTARTED, sentence))


def _not_ours(d: Draft, sentence: str) -> None:
    d.set(adopted=None)
    d.alarm(Finding(Action.ANNOUNCE, Cause.RESTARTED, sentence))


def _it(s: Session, record: Ownership) -> Machine | None:
    """The machine, if it is the one that the record is about."""
    machine = s.machine
    return machine if machine is not None and machine.fingerprint == record.fingerprint else None


def _gone(seen: Evidence, record: Ownership) -> tuple[int, bool] | None:
    """How far a counter went since the record, and whether it is the time; None where none tells.

    Time tells more than distance.
    """
    if record.elapsed is not None and seen.elapsed is not None:
        return seen.elapsed - record.elapsed, True
    if record.distance is not None and seen.distance is not None:
        return seen.distance - record.distance, False
    return None


def _goes_on(seen: Evidence, record: Ownership, age: Ms) -> bool:
    """The counters of the moving belt go on from the record as far as its age explains.

    Within SAME_RUN a counter may also have stood still, as some do with nobody on the belt; later it
    must have run all the while, or it is somebody else's run.
    """
    recent, passed, told = age <= SAME_RUN, age // SECOND, _gone(seen, record)
    if told is None:
        return recent
    gone, timed = told
    if timed:
        return (0 if recent else passed - SLACK) <= gone <= passed + SLACK
    return (0 if recent else 1) <= gone <= passed * STRIDE + SLACK


def shut_down(d: Draft) -> None:
    """The service ends: bring the belt down first, and begin nothing any more."""
    s = d.s
    d.set(ending=True, ended_by=s.ended_by or str(Cause.SHUTDOWN))
    if s.phase in {Phase.ARMED, Phase.COUNTDOWN}:
        d.move(Trigger.DISARM, start_granted=False, program=None, workout=None)
    elif s.phase in {Phase.SLOWING, Phase.STOPPING}:
        d.set(then=Then.FAULT if s.then is Then.FAULT else Then.FINISH)
    elif underway(s):
        d.say(CueKind.STOPPING, "the service ends: the belt slows down and stops")
        d.move(Trigger.SLOW, then=Then.FINISH, holds=())
    elif s.phase is Phase.STARTING:
        d.set(then=Then.FINISH)
        halt_now(d)
    elif s.phase in {Phase.TURNING, Phase.HOLDING}:
        d.move(Trigger.STILL, paused=False)
