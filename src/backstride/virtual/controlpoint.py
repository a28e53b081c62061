"""The control point as a characteristic: takes writes, judges them, and lets their consequences happen.

A write is first refused or taken on the attribute level; what is taken is judged by `Procedures`, or
answered by a fault in its place; then effect, training status and answer follow, each after its delay.
"""

from collections.abc import Callable
from typing import assert_never

from msgspec import Struct

from backstride.domain.units import Ms
from backstride.virtual import frames
from backstride.virtual.actions import Actions
from backstride.virtual.agenda import Agenda
from backstride.virtual.drive import Drive
from backstride.virtual.gatt import AttCode, AttError, Uuid
from backstride.virtual.log import MachineLog, Op, Write
from backstride.virtual.model import Delay, MachineModel
from backstride.virtual.outbox import Herald, Kind, Outbox
from backstride.virtual.procedures import Effect, Procedures, Verdict
from backstride.virtual.quirks import AnswerBy, Busy
from backstride.virtual.quirks import Write as WriteKind
from backstride.virtual.telemetry import to_machine_unit


class Interception(Struct, frozen=True):
    """A fault's answer in place of the machine's: `result` without effect, or None for silence."""

    result: int | None


class ControlPointServer:
    """The control point of one machine."""

    def __init__(
        self,
        model: MachineModel,
        agenda: Agenda,
        drive: Drive,
        *,
        outbox: Outbox,
        herald: Herald,
        actions: Actions,
        log: MachineLog,
    ) -> None:
        self._model = model
        self._rules = model.control_point
        self._agenda = agenda
        self._drive = drive
        self._outbox = outbox
        self._herald = herald
        self._actions = actions
        self._log = log
        self.procedures = Procedures(model, drive)
        self._busy_until: Ms = 0
        self._turns: dict[Delay, int] = {}
        self.intercept: Callable[[int, Ms], Interception | None] = _no_interception

    def forget(self, client: str) -> None:
        """The client is gone: its permission ends, and nobody waits for its answers."""
        self.procedures.forget(client)
        self._busy_until = 0

    def write(self, now: Ms, client: str, data: bytes, *, response: bool) -> None:
        """A client writes.

        Raises:
            AttError: the write is refused below FTMS and has no effect.
        """
        error = self._refuse(now, client, data, response=response)
        if error is not None:
            self._keep(now, client, data, None, error)
            raise AttError(error)
        if now < self._busy_until and self._rules.busy is Busy.IGNORE:
            self._keep(now, client, data, None)
            return
        interception = self.intercept(data[0], now)
        if interception is None:
            verdict = self.procedures.judge(now, client, data)
        else:
            verdict = Verdict(interception.result, self._rules.delays.other)
        self._keep(now, client, data, verdict.result)
        self._carry_out(now, client, data[0], verdict)

    def _refuse(self, now: Ms, client: str, data: bytes, *, response: bool) -> AttCode | None:
        wanted = {WriteKind.WITH_RESPONSE: True, WriteKind.WITHOUT_RESPONSE: False}
        if wanted.get(self._rules.write, response) is not response:
            return AttCode.WRITE_NOT_PERMITTED
        if not data:
            return AttCode.INVALID_LENGTH
        subscribed = self._outbox.is_subscribed(client, Uuid.CONTROL_POINT)
        if self._rules.needs_subscription and not subscribed:
            return AttCode.CCCD_IMPROPERLY_CONFIGURED
        if now < self._busy_until and self._rules.busy is Busy.REFUSE:
            return AttCode.PROCEDURE_IN_PROGRESS
        return None

    def _keep(
        self, now: Ms, client: str, data: bytes, result: int | None, error: int | None = None
    ) -> None:
        drive = self._drive
        target = to_machine_unit(drive.target, self._model.speed.written_in)
        self._log.writes.append(
            Write(
                at=now,
                client=client,
                data=data,
                speed=drive.belt.value,
                target=target,
                incline=drive.deck.value,
                phase=drive.phase,
                result=result,
                att_error=error,
            )
        )

    def _carry_out(self, now: Ms, client: str, opcode: int, verdict: Verdict) -> None:
        delay = verdict.delay
        turn = self._turns.get(delay, 0)
        self._turns[delay] = turn + 1

        def due(choices: tuple[Ms, ...]) -> Ms:
            """The moment of a consequence: recorded delays are used in turn."""
            return now + choices[turn % len(choices)]

        if opcode == Op.START:
            self._actions.last_start = now
        if verdict.effect is not Effect.NONE:
            self._agenda.add(due(delay.effect), lambda at: self._act(at, client, verdict))
        codes = {
            Effect.START: self._model.status.countdown_code,
            Effect.STOP: self._model.status.stopped_code,
            Effect.PAUSE: self._model.status.stopped_code,
        }
        if code := codes.get(verdict.effect):
            self._agenda.add(due(delay.training), lambda at: self._herald.train(at, code))
        if verdict.result is not None:
            self._answer(due(delay.answer), client, opcode, verdict.result)

    def _answer(self, due: Ms, client: str, opcode: int, result: int) -> None:
        by_indication = self._rules.answer_by is AnswerBy.INDICATION
        kind = Kind.INDICATE if by_indication else Kind.NOTIFY
        answer = frames.encode_answer(opcode, result)
        self._busy_until = max(self._busy_until, due)
        self._agenda.add(
            due, lambda at: self._outbox.send(at, client, Uuid.CONTROL_POINT, answer, kind)
        )

    def _act(self, at: Ms, client: str, verdict: Verdict) -> None:
        self._drive.advance(at)
        match verdict.effect:
            case Effect.START:
                self._actions.begin(at, client)
            case Effect.STOP | Effect.PAUSE:
                self._actions.end(at, client, pause=verdict.effect is Effect.PAUSE)
            case Effect.RESTART:
                self._actions.restart(at)
            case Effect.SPEED:
                self._actions.aim_speed(at, verdict.value, client)
            case Effect.INCLINE:
                self._actions.aim_incline(at, verdict.value, client)
            case Effect.RESET:
                self._actions.end(at, None)
                self.procedures.forget(client)
                self._herald.tell(at, frames.STATUS_RESET, client)
            case Effect.DROP_LINK:
                self._outbox.drop(at, client)
            case Effect.NONE:
                pass
            case _:
                assert_never(verdict.effect)


def _no_interception(_opcode: int, _at: Ms) -> Interception | None:
    """No fault is set."""
    return None
