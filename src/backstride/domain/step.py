"""`step()`: one event folded into a session. The theory of operation is in `session.py`."""

from __future__ import annotations

from typing import Final, assert_never

from backstride.domain import cues
from backstride.domain.ceiling import spare
from backstride.domain.events import (
    Event,
    LinkDown,
    LinkUp,
    MachineStatus,
    Outcome,
    Telemetry,
    Training,
)
from backstride.domain.failsafe import Action, Cause, Finding, worst
from backstride.domain.guidance import guide
from backstride.domain.intake import believe
from backstride.domain.notices import CueKind
from backstride.domain.pilot import pilot
from backstride.domain.session import (
    Draft,
    Phase,
    Session,
    Then,
    Transition,
    Trigger,
)
from backstride.domain.stopping import fault, halt_now, hand_over
from backstride.domain.supervision import assess
from backstride.domain.workout import setpoint


def step(session: Session, event: Event) -> Transition:
    """Fold one event: pure, total over every pair of phase and event, and deterministic."""
    d = Draft(session)
    d.set(now=max(session.now, event.at))
    if not _obsolete(session, event):
        believe(d, event)
        _supervise(d)
        pilot(d)
        guide(d)
    return Transition(d.s, tuple(d.orders), tuple(d.notices))


def _obsolete(s: Session, event: Event) -> bool:
    """It comes from a connection that is no longer the present one."""
    match event:
        case Telemetry() | MachineStatus() | Training() | Outcome() | LinkDown():
            return not s.linked or event.epoch != s.epoch
        case LinkUp():
            return event.epoch <= s.epoch
        case _:
            return False


def _supervise(d: Draft) -> None:
    """Hold what is known against what was commanded, and act on the worst of it."""
    findings = assess(d.s)
    known = d.s.findings
    d.set(findings=tuple(finding.cause for finding in findings))
    finding = worst(findings)
    for other in findings:
        if other.cause not in known and (other is not finding or other.action <= Action.HOLD):
            d.alarm(other)
    if finding is None or finding.action is Action.ANNOUNCE:
        _release(d)
        return
    match finding.action:
        case Action.HOLD:
            _hold(d, findings)
        case Action.SLOW_DOWN:
            _slow_down(d, finding)
        case Action.STOP:
            _stop(d, finding)
        case Action.HAND_OVER:
            hand_over(d, finding)
        case _:
            assert_never(finding.action)


def _release(d: Draft) -> None:
    s = d.s
    if s.phase is not Phase.HOLDING or s.paused:
        return
    if s.workout and cues.shown(s, setpoint(s.workout, s.script).speed) > s.drive.target:
        # What was announced before the doubt is no warning of what comes after it.
        cues.forget(d)
    d.move(Trigger.RELEASE, holds=())


def _hold(d: Draft, findings: tuple[Finding, ...]) -> None:
    if d.s.phase in _BEFORE:
        _call_off(d)
    if d.s.phase is Phase.RUNNING:
        d.move(Trigger.HOLD)
        d.say(CueKind.HOLD, "holding this speed")
    if d.s.phase is Phase.HOLDING:
        holds = tuple(f.cause for f in findings if f.action is Action.HOLD)
        d.set(holds=holds)
        if Cause.HEART_RATE in holds:
            spare(d)


_BEFORE: Final = frozenset({Phase.ARMED, Phase.COUNTDOWN})
"""The belt still stands: whatever is doubtful, there is nothing to hold or to slow."""


def _call_off(d: Draft) -> None:
    """The belt still stands: the start can wait until all is well."""
    d.say(CueKind.STOPPED, "the start is called off; start again when all is well")
    d.move(Trigger.DISARM, start_granted=False, program=None, workout=None)


def _slow_down(d: Draft, finding: Finding) -> None:
    if d.s.phase in _BEFORE:
        d.alarm(finding)
        _call_off(d)
        return
    if d.s.phase is Phase.SLOWING and d.s.then is Then.FAULT:
        return
    fault(d, finding)
    d.move(Trigger.SLOW, holds=(), then=Then.FAULT)


def _stop(d: Draft, finding: Finding) -> None:
    fault(d, finding)
    halt_now(d)
