"""What the machine does, whoever asked for it: a client, a person at the console, or itself.

Each action moves the drive and tells the world in this machine's manner.
"""

from backstride.domain.units import Incline, Ms, Speed
from backstride.virtual import frames
from backstride.virtual.agenda import Agenda
from backstride.virtual.drive import Drive
from backstride.virtual.log import Phase
from backstride.virtual.model import MachineModel
from backstride.virtual.outbox import Herald
from backstride.virtual.quirks import Idle, Moment, TargetStatus
from backstride.virtual.telemetry import Reporter, to_machine_unit


class Actions:
    """Start, stop and aim, with the statuses that belong to them. `client` None is a person."""

    def __init__(
        self,
        model: MachineModel,
        agenda: Agenda,
        drive: Drive,
        herald: Herald,
        reporter: Reporter,
    ) -> None:
        self._model = model
        self._agenda = agenda
        self._drive = drive
        self._herald = herald
        self._reporter = reporter
        self._ramp_number = 0
        self._rest_status: bytes | None = None
        """The status still to be told when the belt stands."""
        self.last_start: Ms = 0
        drive.on_motion = self._on_motion
        drive.on_rest = self._on_rest

    def begin(self, at: Ms, client: str | None) -> None:
        """Start the belt from a standstill; nothing happens in any other phase."""
        if self._drive.phase is not Phase.REST or not self._drive.key_in:
            return
        self._reporter.wake()
        self.last_start = at
        self._drive.start(at)
        if client is None:
            self._herald.train(at, self._model.status.countdown_code)
        if self._model.status.started is Moment.COMMAND:
            self._herald.tell(at, frames.STATUS_STARTED, client)

    def end(self, at: Ms, client: str | None, *, pause: bool = False) -> None:
        """Stop a belt that counts down or runs, as a client or the machine itself does it."""
        self._end(at, client, self._model.status.stopped, pause=pause)

    def end_at_console(self, at: Ms, *, pause: bool) -> None:
        """Stop a belt that counts down or runs, as a person does it."""
        if self._model.telemetry.idle is Idle.SILENCE_WITHOUT_ZERO:
            self._reporter.silenced = True
        self._end(at, None, self._model.status.console_stopped, pause=pause)
        if self._drive.phase is Phase.STOPPING:
            self._herald.train(at, self._model.status.stopped_code)

    def _end(self, at: Ms, client: str | None, moment: Moment, *, pause: bool) -> None:
        if self._drive.phase in (Phase.REST, Phase.STOPPING):
            return
        status = frames.STATUS_PAUSED if pause else frames.STATUS_STOPPED
        self._rest_status = status if moment is Moment.MOTION else None
        if moment is Moment.COMMAND:
            self._herald.tell(at, status, client)
        self._drive.stop(at, pause=pause)
        self._tell_ramp(at)

    def cut(self, at: Ms) -> None:
        """The safety key comes off."""
        self._rest_status = None
        self._drive.cut(at)
        self._herald.train(at, self._model.status.stopped_code)
        self._herald.tell(at, frames.STATUS_SAFETY_KEY)

    def restart(self, at: Ms) -> None:
        """A coasting belt is driven again."""
        self._rest_status = None
        self._drive.restart(at)

    def aim_speed(self, at: Ms, speed: Speed, client: str | None) -> None:
        """Drive to a true speed."""
        self._drive.aim_speed(at, speed)
        if self._model.status.speed is TargetStatus.ONCE:
            written = to_machine_unit(speed, self._model.speed.written_in)
            self._herald.tell(at, frames.encode_speed_status(written), client)
        self._tell_ramp(at)

    def aim_incline(self, at: Ms, incline: Incline, client: str | None) -> None:
        """Move the deck."""
        self._drive.aim_incline(at, incline)
        if self._model.status.incline is TargetStatus.ONCE:
            self._herald.tell(at, frames.encode_incline_status(incline), client)

    def _tell_ramp(self, at: Ms) -> None:
        if self._model.status.speed is TargetStatus.RAMP:
            self._ramp_number += 1
            self._ramp(at, self._ramp_number)

    def _ramp(self, at: Ms, number: int) -> None:
        """Tell the momentary speed now and, while the belt ramps, again and again."""
        if number != self._ramp_number:
            return
        self._drive.advance(at)
        speed = to_machine_unit(self._drive.belt.value, self._model.speed.shown_in)
        self._herald.tell(at, frames.encode_speed_status(speed))
        if not self._drive.belt.is_settled:
            later = at + self._model.status.ramp_period
            self._agenda.add(later, lambda when: self._ramp(when, number))

    def _on_motion(self, at: Ms) -> None:
        self._herald.train(at, self._model.status.running_code)
        if self._model.status.started is Moment.MOTION:
            self._herald.tell(at, frames.STATUS_STARTED)
        self._tell_ramp(at)
        self._expect_start(at)

    def _on_rest(self, at: Ms) -> None:
        self._herald.train(at, self._model.status.idle_code)
        if self._rest_status is not None:
            self._herald.tell(at, self._rest_status)
            self._rest_status = None

    def _expect_start(self, at: Ms) -> None:
        """Stop a running belt whose machine wants Start again and again and did not get it."""
        limit = self._model.control_point.start_needed_every
        if limit is None or self._drive.phase is not Phase.RUNNING:
            return
        if at - self.last_start > limit + self._model.speed.countdown:
            self.end(at, None)
            return
        self._agenda.add(at + limit, self._expect_start)
