"""The machine's body: belt, deck, motor controller, counters and safety key. Knows no Bluetooth.

Theory of operation: the phase goes REST -> COUNTDOWN -> RUNNING -> STOPPING -> REST. Every order ends in
`Belt.steer`; the moments at which something will happen by itself (end of the countdown, standstill)
are put on the agenda. Each order to the belt bumps a generation number, so what an older order had
planned does nothing any more. Speeds here are the truth; units and lies are told elsewhere.
"""

from collections.abc import Callable

from backstride.domain.units import Incline, Ms, Speed
from backstride.virtual.agenda import Agenda
from backstride.virtual.belt import Belt, Ramp
from backstride.virtual.log import MachineLog, Phase, Sample
from backstride.virtual.model import MachineModel
from backstride.virtual.quirks import Counters, SpeedAtRest, StartSpeed


class Drive:
    """Belt, deck and counters of one machine.

    `on_motion` and `on_rest` are called when the belt really starts to move and really stands still.
    """

    def __init__(self, model: MachineModel, agenda: Agenda, log: MachineLog, now_ms: Ms) -> None:
        self._model = model
        self._agenda = agenda
        self._log = log
        self.belt = Belt(now_ms)
        initial = model.incline.initial if model.incline else 0
        self.deck = Ramp(initial, now_ms)
        self.phase = Phase.REST
        self.target: Speed = 0
        """The speed that the motor controller is driving to, true 0.01 km/h."""
        self.last_target: Speed = 0
        """The last speed before the last stop."""
        self.key_in = True
        self.walker_on = True
        """Whether somebody is on the belt: some machines count nothing without."""
        self.paused = False
        self._spun_up = False
        self._first_speed: Speed | None = None
        self._remembers = model.control_point.speed_at_rest is SpeedAtRest.REMEMBERED
        self.moving_ms: Ms = 0
        self.walked_mm = 0
        self._counted_until = now_ms
        self._counted_mm = 0
        self._generation = 0
        self.on_motion: Callable[[Ms], None] = _ignore
        self.on_rest: Callable[[Ms], None] = _ignore
        self.sample(now_ms)

    def advance(self, to_ms: Ms) -> None:
        """Move belt, deck and counters to `to_ms`."""
        self.belt.advance(to_ms)
        self.deck.advance(to_ms)
        elapsed = to_ms - self._counted_until
        if elapsed <= 0:
            return
        self._counted_until = to_ms
        millimetres = self.belt.millimetres
        if self._counts():
            self.moving_ms += elapsed
            self.walked_mm += millimetres - self._counted_mm
        self._counted_mm = millimetres

    def _counts(self) -> bool:
        telemetry = self._model.telemetry
        if telemetry.counts_need_walker and not self.walker_on:
            return False
        stopping = self.phase is Phase.STOPPING and telemetry.counts_while_stopping
        return self.phase is Phase.RUNNING or stopping

    def start(self, at: Ms, to: Speed | None = None) -> None:
        """Take a start: count down, then drive to `to` or to the machine's own start speed."""
        if not self.key_in:
            return
        if not self.paused:
            self.reset_counters()
        self.paused = False
        speed = self._model.speed
        to = to or self._first_speed
        self._first_speed = None
        first = to or speed.start_speed or speed.minimum
        if speed.start_goes_to is StartSpeed.LAST and self.last_target and to is None:
            first = self.last_target
        self.target = first
        self._change(at, Phase.COUNTDOWN)
        self._later(at + speed.countdown, self._set_off)

    def stop(self, at: Ms, *, pause: bool = False) -> None:
        """Take a stop: decelerate as this machine does, then rest."""
        if self.phase is Phase.REST:
            return
        self.paused = pause
        if self.phase is Phase.RUNNING:
            self.last_target = self.target
        speed = self._model.speed
        self.target = 0
        self._generation += 1
        if self.phase is Phase.COUNTDOWN and self.belt.is_zero:
            self._rest(at)
            return
        self._change(at, Phase.STOPPING)
        floor = speed.creep if speed.creep_for else 0
        self.belt.steer(min(floor, self.belt.value), speed.stop_deceleration)
        if floor:
            self._later(self.belt.settles_at() + speed.creep_for, self._end_creep)
        else:
            self._later(self.belt.settles_at(), self._rest)
        self.sample(at)

    def restart(self, at: Ms) -> None:
        """Drive a coasting belt to its last speed again, without a countdown."""
        self.target = self.last_target or self._model.speed.minimum
        self._generation += 1
        self._set_off(at)

    def cut(self, at: Ms) -> None:
        """Take the power off the motor: the safety key. The belt coasts as after a stop."""
        self.key_in = False
        self.stop(at)

    def aim_speed(self, at: Ms, target: Speed) -> None:
        """Drive to `target`; before motion it becomes the first speed."""
        if self.phase is Phase.REST and self._remembers:
            self._first_speed = target
        if self.phase not in (Phase.COUNTDOWN, Phase.RUNNING):
            return
        self.target = target
        if self.phase is Phase.RUNNING:
            generation = self._generation
            if self._model.speed.lag:
                self._agenda.add(
                    at + self._model.speed.lag,
                    lambda when: self._follow(when, target, generation),
                )
            else:
                self._follow(at, target, generation)

    def aim_incline(self, at: Ms, target: Incline) -> None:
        """Move the deck to `target`."""
        if self._model.incline is None:
            return
        self.deck.advance(at)
        self.deck.steer(target, self._model.incline.rate)
        self._agenda.add(self.deck.settles_at(), self._settle_deck)
        self.sample(at)

    def reset_counters(self) -> None:
        """Set distance and time to zero."""
        self.moving_ms = 0
        self.walked_mm = 0

    @property
    def is_spinning_up(self) -> bool:
        """Whether a start was taken and the first speed is not reached yet."""
        if self.phase is Phase.COUNTDOWN:
            return True
        return self.phase is Phase.RUNNING and not self._spun_up

    def sample(self, at: Ms) -> None:
        """Record the truth."""
        self._log.top_speed = max(self._log.top_speed, self.belt.top_speed)
        self._log.add_sample(Sample(at, self.belt.value, self.target, self.deck.value, self.phase))

    def _follow(self, at: Ms, target: Speed, generation: int) -> None:
        if generation != self._generation or self.phase is not Phase.RUNNING:
            return
        self.advance(at)
        speed = self._model.speed
        rising = target > self.belt.value
        self.belt.steer(target, speed.acceleration if rising else speed.deceleration)
        self._agenda.add(self.belt.settles_at(), self._settle)
        self.sample(at)

    def _settle(self, at: Ms) -> None:
        self.advance(at)
        self._spun_up = self._spun_up or self.belt.is_settled
        self.sample(at)

    def _settle_deck(self, at: Ms) -> None:
        self.advance(at)
        self.sample(at)

    def _set_off(self, at: Ms) -> None:
        self.advance(at)
        speed = self._model.speed
        self._spun_up = False
        self.belt.steer(self.target, speed.start_acceleration or speed.acceleration)
        self._agenda.add(self.belt.settles_at(), self._settle)
        self._change(at, Phase.RUNNING)
        self.on_motion(at)

    def _end_creep(self, at: Ms) -> None:
        self.advance(at)
        self.belt.steer(0, self._model.speed.stop_deceleration)
        self._later(self.belt.settles_at(), self._rest)

    def _rest(self, at: Ms) -> None:
        self.advance(at)
        if self._model.telemetry.counters is Counters.RESET_WITH_ZERO and not self.paused:
            self.reset_counters()
        self._change(at, Phase.REST)
        self.on_rest(at)

    def _change(self, at: Ms, phase: Phase) -> None:
        self.advance(at)
        self.phase = phase
        self._log.add(at, "phase", phase.name)
        self.sample(at)

    def _later(self, at: Ms, action: Callable[[Ms], None]) -> None:
        self._generation += 1
        generation = self._generation

        def act(when: Ms) -> None:
            if generation == self._generation:
                action(when)

        self._agenda.add(at, act)


def _ignore(_at: Ms) -> None:
    """Stand in until the machine listens."""
