"""What each phase does with its time: count down, start, follow the script, turn, slow, stop.

The pilot wants; the gate permits. The work itself is in `starting`, `following` and `stopping`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backstride.domain.following import hold, run
from backstride.domain.notices import CueKind
from backstride.domain.session import Draft, Phase, Trigger
from backstride.domain.starting import armed, count_down, starting
from backstride.domain.stopping import await_rest, descend, send_stop


def pilot(d: Draft) -> None:
    """Let the present phase do its work."""
    if work := _WORK.get(d.s.phase):
        work(d)


def _holding(d: Draft) -> None:
    if d.s.paused:
        _out_of_patience(d)
    else:
        hold(d)


def _turning(d: Draft) -> None:
    if d.s.owed:
        descend(d)
    else:
        _out_of_patience(d)


def _out_of_patience(d: Draft) -> None:
    if d.s.now - d.s.since < d.s.options.patience:
        return
    d.say(CueKind.FINISHED, "nobody went on; the session is over")
    d.move(Trigger.STILL, ended_by="nobody went on", paused=False)


def _faulted(d: Draft) -> None:
    """The debt outlives the fault; but the Stop goes to the machine that is owed, and to no other."""
    s = d.s
    if not s.owed or not s.linked or s.debtor is not None:
        return
    if s.drive.stop_at is None:
        send_stop(d)
    else:
        await_rest(d)


def _handed_over(d: Draft) -> None:
    """Watch until it rests; what was wrong before still waits for its acknowledgement."""
    if not d.s.evidence.still:
        return
    d.move(Trigger.STILL if d.s.fault is None else Trigger.FAULT)


_WORK: Final[dict[Phase, Callable[[Draft], None]]] = {
    Phase.ARMED: armed,
    Phase.COUNTDOWN: count_down,
    Phase.STARTING: starting,
    Phase.RUNNING: run,
    Phase.HOLDING: _holding,
    Phase.TURNING: _turning,
    Phase.SLOWING: descend,
    Phase.STOPPING: await_rest,
    Phase.HANDED_OVER: _handed_over,
    Phase.FAULTED: _faulted,
}
