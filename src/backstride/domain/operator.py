"""What people may ask, when it is granted, and what they are told if it is not.

Stop has no precondition, in no phase. Everything else is granted by phase and by proof, and a
refusal says what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backstride.domain import cues
from backstride.domain.arming import Granted, Refused, confirm, require, start
from backstride.domain.envelope import Envelope
from backstride.domain.events import Ask, Request
from backstride.domain.notices import CueKind, Reply
from backstride.domain.plausibility import BLIND_AGE
from backstride.domain.session import ACTIVE, Draft, Phase, Session, Then, Trigger
from backstride.domain.stopping import halt_now, send_stop
from backstride.domain.units import SECOND, Ms, Speed, show_duration, show_speed
from backstride.domain.workout import setpoint


def operate(d: Draft, request: Request) -> None:
    """Grant or refuse one request, and answer it."""
    try:
        code, sentence = _HANDLERS[request.ask](d, request)
    except Refused as refused:
        d.answer(request.id, Reply.REFUSED, refused.code, refused.sentence)
    else:
        d.answer(request.id, Reply.OK, code, sentence)


_BY_REQUEST: Final = "stopped by request"
STOP_EFFECT: Final[Ms] = 2 * SECOND
"""Time for a Stop to show its effect in two frames, before a person's next one is sent too."""


def _stop(d: Draft, _: Request) -> Granted:
    s = d.s
    match s.phase:
        case Phase.OFFLINE:
            d.move(Trigger.STOP, stop_wanted_at=s.now)
            return "queued", "no connection to the treadmill; Stop is sent as soon as it is back"
        case Phase.STOPPING:
            then = s.then if s.then is Then.FAULT else Then.FINISH
            d.move(Trigger.STOP, then=then, ended_by=s.ended_by or _BY_REQUEST)
            return _stop_again(d, "")
        case Phase.FAULTED:
            d.move(Trigger.STOP, owed=True)
            if not s.linked:
                return (
                    "queued",
                    "no connection to the treadmill; Stop is sent as soon as it is back",
                )
            return _stop_again(d, "; the fault still needs an acknowledgement")
        case _:
            then = Then.FAULT if s.fault else Then.FINISH
            d.set(then=then, ended_by=s.ended_by or _BY_REQUEST)
            halt_now(d)
            return "stopping", "Stop is sent"


def _stop_again(d: Draft, also: str) -> Granted:
    """A second Stop, unless the first one works: to a coasting belt it can mean Start."""
    s = d.s
    sent = s.drive.stop_at
    if sent is not None and (s.evidence.falling or s.now - sent < STOP_EFFECT):
        return "stopping", "the belt is already being stopped" + also
    send_stop(d)
    return "stopping", "Stop is sent" + also


def _select(d: Draft, request: Request) -> Granted:
    if request.program is None:
        raise Refused("no_program", "name a program to select")
    d.set(selected=request.program)
    return "selected", f"{request.program.name} is selected"


def _pause(d: Draft, _: Request) -> Granted:
    require(d.s, Phase.RUNNING, Phase.HOLDING)
    if d.s.paused:
        return "paused", "already paused"
    d.say(CueKind.STOPPING, "pause: the belt slows down and stops")
    d.move(Trigger.SLOW, then=Then.PAUSE, holds=())
    return "pausing", "the belt slows down and stops; your place in the program is kept"


def _continue(d: Draft, request: Request) -> Granted:
    if not (d.s.phase is Phase.HOLDING and d.s.paused):
        raise Refused("not_paused", "there is no pause to continue from")
    return confirm(d, request)


def _skip(d: Draft, _: Request) -> Granted:
    require(d.s, Phase.RUNNING)
    if d.s.workout is None:
        raise Refused("no_program", "no program runs")
    segment = d.s.workout.segment_at(d.s.script)
    d.set(script=segment.end, trim=0)
    following = d.s.workout.following(segment)
    return "skipped", "the program ends" if following is None else f"on to {following.effort}"


def _faster(d: Draft, _: Request) -> Granted:
    return _adjust(d, 1)


def _slower(d: Draft, _: Request) -> Granted:
    return _adjust(d, -1)


def _adjust(d: Draft, direction: int) -> Granted:
    base, within = _present_setpoint(d.s)
    now = within.grid(base + d.s.trim)
    return _aim(d, now, now + direction * within.increment)


def _speed(d: Draft, request: Request) -> Granted:
    base, within = _present_setpoint(d.s)
    if request.speed is None:
        raise Refused("no_speed", "name a speed in km/h")
    return _aim(d, within.grid(base + d.s.trim), request.speed)


def _present_setpoint(s: Session) -> tuple[Speed, Envelope]:
    """What the program wants now, without the walker's own wish, and the limits in force."""
    require(s, Phase.RUNNING)
    if s.workout is None or s.envelope is None:
        raise Refused("no_program", "no program runs")
    return setpoint(s.workout, s.script).speed, s.envelope


def _aim(d: Draft, now: Speed, wanted: Speed) -> Granted:
    """Wish for another setpoint than the one of now, for the rest of this step."""
    base, within = _present_setpoint(d.s)
    limit = within.speed
    if wanted > limit.value:
        sentence = f"{show_speed(limit.value)} is the limit ({limit.layer}: {limit.reason})"
        raise Refused("too_fast", sentence)
    if wanted < within.floor:
        raise Refused("too_slow", f"{show_speed(within.floor)} is the machine's lowest speed")
    # On the machine's grid only now: beyond a limit a wish is refused and not bent.
    wanted = within.grid(wanted)
    if wanted != now:
        d.set(trim=wanted - base)
        cues.reconsider(d, CueKind.FASTER if wanted > now else CueKind.SLOWER)
    return "adjusted", f"the setpoint is now {show_speed(wanted)}"


def _finish(d: Draft, _: Request) -> Granted:
    s = d.s
    if s.phase in {Phase.TURNING, Phase.HOLDING} and not s.owed:
        d.move(Trigger.STILL, ended_by="finished by request", paused=False)
        return "finished", "the session is over"
    if s.phase in {Phase.SLOWING, Phase.STOPPING} and s.then in {Then.PAUSE, Then.TURN}:
        d.set(then=Then.FINISH, ended_by="finished by request")
        return "slowing", "the belt slows down and stops"
    require(s, Phase.RUNNING, Phase.HOLDING, Phase.TURNING)
    cooldown = s.workout.cooldown() if s.workout else None
    d.set(ended_by="finished by request")
    if cooldown is None or cooldown.start <= s.script or s.phase is not Phase.RUNNING:
        d.say(CueKind.STOPPING, "the belt slows down and stops")
        d.move(Trigger.SLOW, then=Then.FINISH, holds=())
        return "slowing", "the belt slows down and stops"
    d.set(script=cooldown.start, trim=0)
    return "cooldown", f"cool-down, {show_duration(cooldown.duration)} min"


def _acknowledge(d: Draft, _: Request) -> Granted:
    s = d.s
    require(s, Phase.FAULTED, Phase.FINISHED)
    if s.owed and not _asked_to_look(s):
        raise Refused("not_still", "the belt is not proven still yet: pull the clip if it moves")
    cause = s.fault.cause if s.fault else s.ended_by
    d.drive(stop_at=None, stop_since=None, unconfirmed=False)
    d.move(
        Trigger.ACKNOWLEDGE, fault=None, owed=False, debtor=None, holds=(), findings=(),
        adopted=None,
    )  # fmt: skip
    if not s.linked:
        d.move(Trigger.LINK_DOWN)
    return "acknowledged", f"{cause} is acknowledged"


def _asked_to_look(s: Session) -> bool:
    """No machine will prove the rest any more, so that a person's word must do.

    Only where our Stop was reported as unconfirmed and the machine is silent, or where another
    machine answers in its place. As long as frames come, it is they who say whether the belt stands.
    """
    silent = s.linked and s.drive.unconfirmed and s.evidence.age(s.now) > BLIND_AGE
    return silent or s.debtor is not None


def _present(d: Draft, _: Request) -> Granted:
    d.set(asked_at=None, seen_at=d.s.now)
    return "thanks", "good to hear"


def _voice(d: Draft, request: Request) -> Granted:
    if request.on is None:
        raise Refused("no_value", "say whether the cues are to be said aloud: on or off")
    d.set(voice=request.on)
    if request.on:
        return "voice_on", "cues are said aloud"
    return "voice_off", "cues are shown; only alarms are said aloud"


def _walker(d: Draft, request: Request) -> Granted:
    """Whose limits hold is settled before anything is armed, and stays so."""
    require(d.s, Phase.OFFLINE, Phase.IDLE, Phase.FINISHED)
    if d.s.owed:
        raise Refused("not_still", "the belt is not proven still yet: pull the clip if it moves")
    d.set(person=request.walker)
    if request.walker is None:
        return "walker", "nobody in particular walks here now"
    return "walker", "this walker's limits hold here now"


def _feedback(d: Draft, request: Request) -> Granted:
    """The session keeps nothing of it: whoever keeps the history does, with the newest of the person."""
    if d.s.phase in ACTIVE or d.s.phase is Phase.HANDED_OVER:
        raise Refused("not_over", "say how it was when the session is over")
    if request.effort is None and request.pain is None:
        raise Refused("no_value", "say how hard it was, 6 to 20, or how much it hurt, 0 to 10")
    return "noted", "kept with the last session here of whoever is chosen, if it began within a day"


_HANDLERS: Final[dict[Ask, Callable[[Draft, Request], Granted]]] = {
    Ask.START: start,
    Ask.CONFIRM: confirm,
    Ask.PAUSE: _pause,
    Ask.CONTINUE: _continue,
    Ask.SKIP: _skip,
    Ask.FASTER: _faster,
    Ask.SLOWER: _slower,
    Ask.SPEED: _speed,
    Ask.FINISH: _finish,
    Ask.STOP: _stop,
    Ask.ACKNOWLEDGE: _acknowledge,
    Ask.SELECT: _select,
    Ask.PRESENT: _present,
    Ask.VOICE: _voice,
    Ask.WALKER: _walker,
    Ask.FEEDBACK: _feedback,
}
