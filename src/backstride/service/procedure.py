"""What the chapters of a commissioning are made of: findings, patient commands, runs, and a safe end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from backstride.domain.commands import SetSpeed
from backstride.domain.commissioning import Check, Finding, Proof
from backstride.domain.envelope import Refusal
from backstride.domain.events import Outcome, Verdict
from backstride.domain.units import KMH, SECOND, Ms, Speed
from backstride.service.person import Deed, Person
from backstride.service.trial import Trial, TrialEndedError

LOOK: Final[Ms] = 5 * SECOND
"""For a belt to answer a command or a press: slow motors, and telemetry of 0.5 Hz."""
WAKE: Final[Ms] = 15 * SECOND
"""For a belt to move after Start: 3 s of countdown, 6.2 s on the slowest machine seen."""
BRISK: Final[Speed] = KMH + 60
"""The faster run before a Stop: coasts long enough to be seen, below the cap of 2.0 [CHOICE]."""
RAMP: Final[Ms] = 60 * SECOND
"""For the ramp to BRISK at 0.1 km/h per s, with the pauses of a coarse machine."""
INSIST: Final = 5
"""So often a person is asked to pull the key while they see the belt move."""


class Procedure:
    """One machine on trial, one person beside it. `report` is called with each finding as it is made."""

    def __init__(
        self, trial: Trial, person: Person, report: Callable[[Finding], None] | None = None
    ) -> None:
        self.trial = trial
        self.person = person
        self._report = report
        self.findings: dict[Check, Finding] = {}
        self.ran: Speed = 0

    def note(self, finding: Finding) -> bool:
        """Keep a finding, tell it, and say whether it is no failure."""
        self.findings[finding.check] = finding
        if self._report is not None:
            self._report(finding)
        return finding.proof is not Proof.FAILED

    def require(self, finding: Finding) -> None:
        """Note a finding without which nothing more is moved."""
        if not self.note(finding):
            raise TrialEndedError(finding.figure)

    async def command(self, speed: Speed) -> str:
        """Command a speed and give it time; what went wrong, else nothing."""
        trial = self.trial
        found = await trial.order(SetSpeed(speed))
        for _ in range(LOOK // SECOND):
            if isinstance(found, Outcome):
                break
            await trial.wait(SECOND)  # the gate wants time between two commands
            found = await trial.order(SetSpeed(speed))
        await trial.wait(LOOK)
        return problem_of(found)

    async def started_by_hand(self) -> bool:
        """Ask the person to start the belt; False when no motion is seen.

        Raises:
            TrialEndedError: they cannot.
        """
        if not await self.person.do(Deed.PRESS_START):
            raise TrialEndedError("nobody started the belt at the console")
        return await self.trial.until(self.trial.moves, WAKE)

    async def run_from_console(self, *, brisk: bool = False) -> None:
        """Let the person start the belt; raise it to BRISK where it obeys."""
        trial = self.trial
        if not await self.started_by_hand():
            raise TrialEndedError("the belt did not start again at the console")
        await trial.wait(2 * LOOK)
        trial.adopt()
        if brisk and self.findings[Check.PROBE].proof is Proof.PROVEN:
            await trial.raise_to(BRISK, RAMP)
            await trial.wait(LOOK)
        self.ran = trial.evidence.speed or 0

    async def bring_down(self) -> None:
        """Stop, look, and where neither helps: the key."""
        await self.trial.rest()
        await self._see_rest()

    async def _see_rest(self) -> None:
        """The person's eyes have the last word."""
        for _ in range(INSIST):
            if not await self.person.sees_motion():
                return
            await self.person.do(Deed.PULL_KEY_NOW)

    async def end(self) -> None:
        """Whatever happened: at rest, seen by the person, and disconnected."""
        trial = self.trial
        try:
            if trial.machine is not None:
                if not trial.linked:
                    with suppress(TrialEndedError):
                        await trial.connect()
                await trial.wind_down()
                await self._see_rest()
        finally:
            await trial.disconnect()


def problem_of(found: Outcome | Refusal) -> str:
    """Why a command was not taken; nothing when it was, or may have been."""
    if isinstance(found, Refusal):
        return f"not sent: {found.sentence}"
    return found.detail if found.verdict is Verdict.REJECTED else ""


def describe_answer(found: Outcome | Refusal) -> str:
    """How a Stop was answered."""
    if isinstance(found, Refusal):
        return found.sentence
    return found.verdict.value if not found.detail else f"{found.verdict.value} ({found.detail})"
