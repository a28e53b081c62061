"""The commissioning wizard: which checks, in which order, and what they ask of the person.

Theory of operation
-------------------
The plan is a list of chapters; each begins with a belt at rest, moves it at most once, and leaves it at rest.
The belt is started by the person at the console until Stop is proven, and only then over the air. A
chapter that a failed one makes pointless or unsafe is left out, and its checks stay "not tested": a
machine that does not do what it is told is not told more, and without a proven Stop nothing is moved again.

Never asked of a machine: anything beyond its range. Some drive to their maximum then (FS-6041F1), and the
gate would refuse to send it in any case, so nothing depends on the answer.

Whatever ends the plan - a verdict, a lost link, Ctrl-C - the belt is brought to rest, and the person is
asked to look.
"""

from __future__ import annotations

import asyncio
from typing import Final

from backstride.domain import judgement as judge
from backstride.domain.commands import Start, Stop
from backstride.domain.commissioning import COMMISSIONING_SPEED, Check, Proof, Sheet
from backstride.domain.envelope import Refusal
from backstride.domain.errors import BackstrideError
from backstride.domain.events import Status
from backstride.domain.evidence import incline_of
from backstride.domain.judgement import Halt, Presses, Probe, Started
from backstride.domain.machine import Machine
from backstride.domain.units import SECOND, Ms, show_speed
from backstride.service.person import Deed
from backstride.service.procedure import LOOK, WAKE, Procedure, describe_answer, problem_of
from backstride.service.recording import NOTICED
from backstride.service.trial import TrialEndedError

STEADY: Final[Ms] = 12 * SECOND
"""A belt that was started is watched this long before anything is judged."""
COAST: Final[Ms] = 600
"""After the first Stop the second one is sent: from BRISK a belt coasts for 2 s or so [CHOICE]."""
AWAY: Final[Ms] = 15 * SECOND
"""So long we stay away before the person is asked whether the belt stopped."""


class CommissioningError(BackstrideError):
    """Nothing was commissioned: the machine was never reached, or the person is not ready."""


class Commissioner(Procedure):
    """One machine's commissioning. `report` is called with each finding as it is made."""

    async def run(self, machine: str, date: str, who: str) -> Sheet:
        """Carry out the plan and return the sheet; the belt is at rest, or the person knows better.

        Raises:
            CommissioningError: the person is not ready, or there is no connection.
        """
        if not await self.person.do(Deed.READY):
            raise CommissioningError("not ready: nothing was moved, nothing was written")
        why = "not reached"
        try:
            found = await self.trial.connect()
            try:
                await self._carry_out(found)
            except TrialEndedError as error:
                why = f"not reached: {error}"
        except TrialEndedError as error:
            raise CommissioningError(str(error)) from error
        finally:
            await self.end()
        for check in Check:
            if check not in self.findings:
                self.note(judge.untested(check, why))
        return Sheet(
            machine=machine,
            date=date,
            who=who,
            address=found.address,
            name=found.name,
            fingerprint=found.fingerprint,
            speed=found.speed,
            incline=found.incline,
            findings=tuple(self.findings[check] for check in Check),
        )

    async def _carry_out(self, machine: Machine) -> None:
        await self._introduce(machine)
        await self._walk_through()
        await self._probe()
        await self._count()
        await self._press()
        await self._stop()
        await self._stop_again()
        await self._start_remotely(machine)
        await self._pull_key()
        await self._lose_link()
        await self._meet_other_app()
        sentence = "never sent: the gate refuses it before any machine does"
        self.note(judge.untested(Check.OUT_OF_RANGE, sentence))

    # -- chapters ------------------------------------------------------------------------------

    async def _introduce(self, machine: Machine) -> None:
        """Who it is, what it can, and whether it stands."""
        trial, connected = self.trial, self.trial.now
        self.note(judge.judge_identity(machine))
        ranges = judge.judge_ranges(machine)
        usable = self.note(ranges)
        await trial.wait(2 * LOOK)
        if (incline_of(trial.evidence, machine) or 0) < 0:
            await self.person.do(Deed.LEVEL_DECK)
            await trial.wait(2 * LOOK)
        speeds = trial.recording.speeds(connected)
        if await self.person.sees_motion() and not any(speeds):
            self.require(judge.failed(Check.CONNECTING, "the belt moves, and that is not told"))
        self.require(judge.judge_connecting(speeds, incline_of(trial.evidence, machine)))
        if not usable:
            raise TrialEndedError(ranges.figure)

    async def _walk_through(self) -> None:
        """A run from the console: does it last, and what is told of it."""
        trial, record = self.trial, self.trial.recording
        self.ran = 0
        if not await self.started_by_hand():
            if await self.person.sees_motion():
                self.require(judge.judge_telemetry((), WAKE))
            self.require(judge.failed(Check.RUNNING, "the belt did not start at the console"))
        moving = trial.now
        if await trial.until(lambda: trial.evidence.speed == 0, STEADY):
            self.require(judge.failed(Check.RUNNING, "the belt stops by itself soon after Start"))
        speed = show_speed(trial.evidence.speed or 0)
        self.note(judge.proven(Check.RUNNING, f"keeps running at {speed}"))
        self.require(judge.judge_telemetry(record.frames(moving), trial.now - moving))

    async def _probe(self) -> None:
        """Tell it what it does already, then one step more."""
        trial, within, speed = self.trial, self.trial.limits, self.trial.evidence.speed
        if within is None or speed is None:
            raise TrialEndedError("the belt's speed is not known")
        trial.adopt()
        # In mph the same number is 1.61 times as fast: then the lowest speed is what can do no harm.
        safe = speed * judge.MILE[1] <= COMMISSIONING_SPEED * 100
        told = within.grid(speed if safe else 0)
        refusal = await self.command(told)
        probe = Probe(told, None if refusal else trial.evidence.speed, refusal=refusal)
        if judge.follows(probe):
            raised = told + within.increment
            refusal = await self.command(raised)
            after = None if refusal else trial.evidence.speed
            probe = Probe(told, probe.shown, raised, after, refusal)
        self.note(judge.judge_probe(probe, requests=trial.control_asks))

    async def _count(self) -> None:
        """True speed by the belt's own revolutions."""
        trial, since = self.trial, self.trial.now
        laps = await self.person.count_laps()
        trial.check()
        obeys = self.findings[Check.PROBE]
        told = trial.target if judge.obeys_a_unit(obeys) else None
        self.note(judge.judge_units(laps, trial.recording.mean(since), told))

    async def _press(self) -> None:
        """A walker's own hands at the console."""
        trial, record, person = self.trial, self.trial.recording, self.person
        before, at = trial.evidence.speed or 0, trial.now
        faster = None
        if await person.do(Deed.PRESS_FASTER):
            await trial.wait(LOOK)
            rose = (trial.evidence.speed or 0) - before >= NOTICED
            faster = record.word(at, Status.TARGET_SPEED) or ("seen" if rose else None)
        at = trial.now
        if not await person.do(Deed.PRESS_STOP):
            await self.bring_down()
            self.note(judge.untested(Check.CONSOLE, "nobody pressed Stop"))
            return
        still = await trial.until(lambda: record.still(at), judge.STOP_TIME)
        stop = record.word(at, Status.STOPPED_BY_USER, Status.PAUSED_BY_USER)
        start = record.word(0, Status.STARTED_BY_USER)
        self.note(judge.judge_console(Presses(start, faster, stop or ("seen" if still else None))))
        if not still and await person.sees_motion():
            await self.bring_down()

    async def _stop(self) -> None:
        """A faster run where the machine obeys, then Stop."""
        trial, record = self.trial, self.trial.recording
        await self.run_from_console(brisk=True)
        at, speed = trial.now, trial.evidence.speed
        answer = describe_answer(await trial.order(Stop()))
        await trial.until(lambda: record.still(at), judge.STOP_TIME)
        moves = await self.person.sees_motion()
        halt = Halt(speed, answer, record.slower(at, speed), record.rest(at), moves)
        self.require(judge.judge_stop(halt))

    async def _stop_again(self) -> None:
        """Two Stops, the second one while the belt coasts."""
        trial, record = self.trial, self.trial.recording
        await self.run_from_console(brisk=True)
        at, speed = trial.now, trial.evidence.speed
        await trial.order(Stop())
        await trial.wait(COAST)
        if record.rest(at) is not None:
            self.note(judge.untested(Check.STOP_AGAIN, "it stands before a second Stop can come"))
            return
        answer = describe_answer(await trial.order(Stop()))
        lowest = 0 if trial.machine is None else trial.machine.speed.minimum

        def restarted() -> bool:
            # Below its lowest speed it creeps, which is how some come to rest.
            return trial.evidence.insistent and (trial.evidence.speed or 0) >= lowest

        await trial.until(lambda: trial.evidence.still or restarted(), judge.STOP_TIME)
        again = restarted()
        if again:
            await trial.rest()
        moves = await self.person.sees_motion()
        halt = Halt(speed, answer, record.slower(at, speed), record.rest(at), moves)
        self.note(judge.judge_stop_again(halt, restarted=again))
        if moves:
            raise TrialEndedError("the belt moves after Stop")

    async def _start_remotely(self, machine: Machine) -> None:
        """Start over the air, right after the faster run."""
        trial, record = self.trial, self.trial.recording
        if not await self.person.do(Deed.ALLOW_START):
            self.note(judge.untested(Check.REMOTE_START, "the person did not want it"))
            return
        at = trial.now
        found = await trial.order(Start(), start=True)
        if isinstance(found, Refusal):
            self.note(judge.untested(Check.REMOTE_START, f"not sent: {found.sentence}"))
            return
        if problem := problem_of(found):
            self.note(judge.failed(Check.REMOTE_START, problem))
            return
        moved = await trial.until(trial.moves, WAKE)
        delay = trial.now - at if moved else None
        ended = moved and await trial.until(lambda: trial.evidence.speed == 0, STEADY)
        top = max(record.speeds(at), default=0)
        started = Started(machine.speed.minimum, self.ran, delay, top, not ended)
        self.note(judge.judge_start(started))
        if not moved:
            await self.bring_down()  # it may yet take effect

    async def _pull_key(self) -> None:
        """The one thing that must work when nothing else does."""
        trial, record = self.trial, self.trial.recording
        if not trial.moves():
            await self.run_from_console()
        at, speed = trial.now, trial.evidence.speed
        if not await self.person.do(Deed.PULL_KEY):
            await self.bring_down()
            self.note(judge.untested(Check.SAFETY_KEY, "nobody pulled the key"))
            return
        await trial.until(lambda: record.still(at), judge.STOP_TIME)
        moves = await self.person.sees_motion()
        reported = record.word(at, Status.SAFETY_KEY) is not None
        # From the first sign of it: when exactly the person pulled is not known.
        slowing = at + (record.slower(at, speed) or 0)
        halt = Halt(speed, "key pulled", None, record.rest(slowing), moves)
        self.require(judge.judge_key(halt, reported=reported))
        await self.person.do(Deed.INSERT_KEY)
        await trial.wait(LOOK)

    async def _lose_link(self) -> None:
        """Leave while the belt moves, and ask what it did."""
        trial = self.trial
        await self.run_from_console()
        left = trial.now
        await trial.disconnect()
        await asyncio.sleep(AWAY / SECOND)
        moves = await self.person.sees_motion()
        self.note(judge.judge_link_loss(moves=moves, after=trial.now - left))
        await trial.connect()
        if moves:
            await self.bring_down()

    async def _meet_other_app(self) -> None:
        """A second app, while the belt stands."""
        trial = self.trial
        await trial.take_control()
        at = trial.now
        connected = await self.person.do(Deed.OTHER_APP)
        await trial.wait(LOOK)
        lost = trial.recording.word(at, Status.CONTROL_LOST) is not None
        harmless = self.findings[Check.STOP_AGAIN].proof is Proof.PROVEN
        if connected and not lost and not harmless:
            sentence = "a second app connects; who is in control then is not known"
            self.note(judge.untested(Check.SECOND_CLIENT, sentence))
        else:
            # A Stop on a standing belt moves nothing, and its answer says whether we are in control.
            kept = connected and not lost and not problem_of(await trial.order(Stop()))
            self.note(judge.judge_second_client(connected=connected, lost=lost, kept=kept))
        if connected:
            await self.person.do(Deed.CLOSE_APP)
