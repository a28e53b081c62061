"""A virtual treadmill: FTMS behaviour without any I/O, and deterministic to the millisecond.

Theory of operation: the machine is told what happens to it (`connect`, `subscribe`, `write`, a press on
the console) with the time at which it happens, and it says what leaves it: `advance(now)` carries out
everything due up to `now` and returns the frames with the times at which they were due.
`next_due()` says when it wants to be called again. Whoever owns a radio and a clock (`pump.py`) does the
rest. Time never goes back; a time before the last one counts as the last one.

The `log` keeps the truth; see `log.py`.
"""

from collections.abc import Callable

from backstride.domain.units import Ms
from backstride.virtual import frames
from backstride.virtual.actions import Actions
from backstride.virtual.agenda import Agenda
from backstride.virtual.console import Console
from backstride.virtual.controlpoint import ControlPointServer, Interception
from backstride.virtual.drive import Drive
from backstride.virtual.gatt import (
    Advertisement,
    AttCode,
    AttError,
    Uuid,
    device_information,
    list_characteristics,
)
from backstride.virtual.log import MachineLog, Phase
from backstride.virtual.model import MachineModel, derive_address
from backstride.virtual.outbox import Herald, Outbox, Output
from backstride.virtual.quirks import (
    OnConnect,
    OnDisconnect,
    Permission,
)
from backstride.virtual.telemetry import Reporter, to_machine_unit


class ConnectionRefusedByMachineError(Exception):
    """The machine takes no further connection now."""


class Machine:
    """One virtual treadmill of the given model."""

    def __init__(
        self,
        model: MachineModel,
        *,
        now_ms: Ms = 0,
        address: str | None = None,
        keep_sent: bool = True,
    ) -> None:
        self.model = model
        self.address = address or model.identity.address or derive_address(model.key)
        self.log = MachineLog(keep_sent=keep_sent)
        self.characteristics = list_characteristics(model)
        self._agenda = Agenda()
        self._now = now_ms
        self.drive = Drive(model, self._agenda, self.log, now_ms)
        self._outbox = Outbox(self.log)
        self._herald = Herald(model.status, self._outbox)
        self._reporter = Reporter(model, self.drive)
        self._actions = Actions(model, self._agenda, self.drive, self._herald, self._reporter)
        self._control_point = ControlPointServer(
            model,
            self._agenda,
            self.drive,
            outbox=self._outbox,
            herald=self._herald,
            actions=self._actions,
            log=self.log,
        )
        self._procedures = self._control_point.procedures
        self._procedures.on_takeover = self._tell_control_lost
        self.console = Console(model, self.drive, self._actions, self.log, self._run)
        self._ticking = False
        self._tick_phase = now_ms
        self._ghost_until = now_ms
        self._absent = False

    # --- time -------------------------------------------------------------------------------

    def advance(self, now_ms: Ms) -> list[Output]:
        """Carry out everything due up to `now_ms`; return what left the machine, in order."""
        self._run(now_ms)
        return self._outbox.take()

    def next_due(self) -> Ms | None:
        """When the machine next does something by itself; None when only a person can wake it."""
        return self._agenda.next_due()

    def _run(self, now_ms: Ms) -> Ms:
        self._now = max(self._now, now_ms)
        self._agenda.run(self._now)
        self.drive.advance(self._now)
        return self._now

    # --- links ------------------------------------------------------------------------------

    @property
    def intercept(self) -> Callable[[int, Ms], Interception | None]:
        """Asked (opcode, time) before each procedure; a fault may answer in the machine's place."""
        return self._control_point.intercept

    @intercept.setter
    def intercept(self, intercept: Callable[[int, Ms], Interception | None]) -> None:
        self._control_point.intercept = intercept

    @property
    def advertisement(self) -> Advertisement | None:
        """What it advertises; None while it takes no further connection."""
        if self._absent or len(self._outbox.clients) >= self.model.link.clients:
            return None
        identity = self.model.identity
        services = (int(Uuid.FITNESS_MACHINE),) if identity.advertises_service else ()
        return Advertisement(self.address, identity.name, services, identity.service_data)

    @property
    def name(self) -> str | None:
        """The name that it advertises."""
        return self.model.identity.name

    @property
    def encrypted(self) -> bool:
        """Whether its control point wants an encrypted link."""
        return self.model.link.encrypted

    @property
    def clients(self) -> tuple[str, ...]:
        """Who is connected."""
        return self._outbox.clients

    @property
    def controller(self) -> str | None:
        """The client that has control permission."""
        return self._procedures.controller

    def connect(self, client: str, now_ms: Ms) -> None:
        """A client connects.

        Raises:
            ConnectionRefusedByMachineError: too many clients, or the ghost of the last one.
        """
        now = self._run(now_ms)
        link = self.model.link
        full = len(self._outbox.clients) >= link.clients
        if full or self._absent or now < self._ghost_until:
            raise ConnectionRefusedByMachineError(
                f"{self.model.key} takes no further connection at {now} ms"
            )
        self._outbox.connect(client)
        self.log.add(now, "connected", client)
        if link.drops_after is not None:
            self._agenda.add(now + link.drops_after, lambda at: self._outbox.drop(at, client))
        if link.on_connect is OnConnect.STARTS and self.drive.phase is Phase.REST:
            self._actions.begin(now, None)
        elif link.on_connect is OnConnect.STOPS:
            self._actions.end(now, None)

    def disconnect(self, client: str, now_ms: Ms) -> None:
        """The link to a client is gone, whoever ended it."""
        now = self._run(now_ms)
        if client not in self._outbox.clients:
            return
        free = self.model.control_point.permission is Permission.NOT_NEEDED
        in_charge = free or self._procedures.controller == client
        self._outbox.disconnect(client)
        self._ghost_until = now + self.model.link.ghost_for
        self._control_point.forget(client)
        self.log.add(now, "disconnected", client)
        if in_charge and self.model.link.on_disconnect is OnDisconnect.STOPS:
            self._actions.end(now, None)

    def subscribe(self, client: str, uuid: Uuid, now_ms: Ms) -> None:
        """The client enables notifications or indications."""
        now = self._run(now_ms)
        if client not in self._outbox.clients:
            return
        self._outbox.subscribe(client, uuid, now)
        if uuid is Uuid.TREADMILL_DATA and not self._ticking:
            self._ticking = True
            self._agenda.add(self._next_tick(now), self._tick)
        if uuid is Uuid.TRAINING_STATUS and self.model.status.training_on_subscribe:
            self._outbox.send(now, client, uuid, self._herald.training_value)

    def unsubscribe(self, client: str, uuid: Uuid, now_ms: Ms) -> None:
        """The client disables notifications or indications."""
        self._run(now_ms)
        self._outbox.unsubscribe(client, uuid)

    # --- attributes -------------------------------------------------------------------------

    def read(self, uuid: Uuid, now_ms: Ms) -> bytes:
        """The value of a readable characteristic.

        Raises:
            AttError: it cannot be read.
        """
        self._run(now_ms)
        speed, incline = self.model.speed, self.model.incline
        if uuid is Uuid.FEATURE:
            return self.model.features
        if uuid is Uuid.SPEED_RANGE:
            values = (speed.minimum, speed.maximum, speed.step)
            claimed = [to_machine_unit(value, speed.written_in) for value in values]
            return speed.claimed_range or frames.encode_speed_range(*claimed)
        if uuid is Uuid.INCLINE_RANGE and incline is not None:
            return incline.claimed_range or frames.encode_incline_range(
                incline.minimum, incline.maximum, incline.step
            )
        if uuid is Uuid.TRAINING_STATUS and self.model.status.training:
            return self._herald.training_value
        value = device_information(self.model).get(uuid)
        if value is None:
            raise AttError(AttCode.READ_NOT_PERMITTED)
        return value

    def write(
        self, uuid: Uuid, data: bytes, now_ms: Ms, client: str, *, response: bool = True
    ) -> None:
        """The client writes a characteristic; only the control point can be written.

        Raises:
            AttError: the write is refused below FTMS and has no effect.
        """
        now = self._run(now_ms)
        if uuid is not Uuid.CONTROL_POINT:
            raise AttError(AttCode.WRITE_NOT_PERMITTED)
        self._control_point.write(now, client, data, response=response)

    # --- telemetry ---------------------------------------------------------------------------

    def _next_tick(self, now: Ms) -> Ms:
        period = self.model.telemetry.period
        return self._tick_phase + ((now - self._tick_phase) // period + 1) * period

    def _tick(self, at: Ms) -> None:
        subscribers = self._outbox.subscribers(Uuid.TREADMILL_DATA)
        if not subscribers:
            self._ticking = False
            return
        telemetry = self.model.telemetry
        self._agenda.add(at + telemetry.period, self._tick)
        self.drive.advance(at)
        self.drive.sample(at)
        if telemetry.gap_every and at % telemetry.gap_every < telemetry.gap:
            return
        frames_now = self._reporter.next_frames()
        for client, since in subscribers:
            if at < since + telemetry.starts_after:
                continue
            for frame in frames_now:
                self._outbox.send(at, client, Uuid.TREADMILL_DATA, frame)

    # --- control and links taken away -------------------------------------------------------

    def reset(self, now_ms: Ms) -> None:
        """The machine resets: the belt stops, control is lost, and everybody is told."""
        now = self._run(now_ms)
        self.log.add(now, "reset")
        self._actions.end(now, None)
        self.take_control(now)
        self._herald.tell(now, frames.STATUS_RESET)

    def take_control(self, now_ms: Ms) -> None:
        """The machine takes control back (FF): from now on procedures fail with 05."""
        now = self._run(now_ms)
        if (client := self._procedures.controller) is not None:
            self._procedures.forget(client)
            self._tell_control_lost(now, client)

    def drop_clients(self, now_ms: Ms) -> None:
        """The machine drops all its links."""
        now = self._run(now_ms)
        for client in self._outbox.clients:
            self._outbox.drop(now, client)

    def hide(self, now_ms: Ms, lasting: Ms) -> None:
        """The machine's radio is off for this long: links are dropped, nothing is advertised."""
        self.drop_clients(now_ms)
        self._absent = True
        self._outbox.announce(self._now)
        self._agenda.add(self._now + lasting, self._reappear)

    def _reappear(self, at: Ms) -> None:
        self._absent = False
        self._outbox.announce(at)

    def _tell_control_lost(self, at: Ms, client: str) -> None:
        self._outbox.send(at, client, Uuid.MACHINE_STATUS, frames.STATUS_CONTROL_LOST)
