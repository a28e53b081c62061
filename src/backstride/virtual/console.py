"""The console of a virtual machine: what a person standing at it can do."""

from collections.abc import Callable

from backstride.domain.units import Incline, Ms, Speed
from backstride.virtual.actions import Actions
from backstride.virtual.drive import Drive
from backstride.virtual.log import MachineLog
from backstride.virtual.model import MachineModel


class Console:
    """Buttons and safety key. Each press is told when it happens, in ms of the machine's time."""

    def __init__(
        self,
        model: MachineModel,
        drive: Drive,
        actions: Actions,
        log: MachineLog,
        run_until: Callable[[Ms], Ms],
    ) -> None:
        self._model = model
        self._drive = drive
        self._actions = actions
        self._log = log
        self._run_until = run_until

    def press_start(self, now_ms: Ms) -> None:
        """Start; the belt counts down and goes to the machine's own start speed."""
        self._actions.begin(self._press(now_ms, "start"), None)

    def press_stop(self, now_ms: Ms) -> None:
        """Stop."""
        self._actions.end_at_console(self._press(now_ms, "stop"), pause=False)

    def press_pause(self, now_ms: Ms) -> None:
        """Pause: the belt stops, the counters stay."""
        self._actions.end_at_console(self._press(now_ms, "pause"), pause=True)

    def press_speed(self, speed: Speed, now_ms: Ms) -> None:
        """Set a speed (true 0.01 km/h), held inside the machine's range."""
        now = self._press(now_ms, f"speed {speed}")
        control = self._model.speed
        self._actions.aim_speed(now, min(max(speed, control.minimum), control.maximum), None)

    def press_incline(self, incline: Incline, now_ms: Ms) -> None:
        """Set an incline (0.1 %), held inside the machine's range."""
        now = self._press(now_ms, f"incline {incline}")
        if (control := self._model.incline) is not None:
            held = min(max(incline, control.minimum), control.maximum)
            self._actions.aim_incline(now, held, None)

    def pull_key(self, now_ms: Ms) -> None:
        """The safety key comes off: the motor is cut, and a start needs the key back."""
        self._actions.cut(self._press(now_ms, "pull key"))

    def insert_key(self, now_ms: Ms) -> None:
        """The safety key is put back; the belt stays where it is."""
        self._press(now_ms, "insert key")
        self._drive.key_in = True

    def step_on(self, now_ms: Ms) -> None:
        """Somebody stands on the belt (the default): machines that look for a walker count."""
        self._press(now_ms, "step on")
        self._drive.walker_on = True

    def step_off(self, now_ms: Ms) -> None:
        """Nobody is on the belt."""
        self._press(now_ms, "step off")
        self._drive.walker_on = False

    def _press(self, now_ms: Ms, what: str) -> Ms:
        now = self._run_until(now_ms)
        self._log.add(now, "console", what)
        return now
