"""What leaves the machine: who is connected, who subscribed to what, and the frames on their way."""

from enum import Enum, auto

from msgspec import Struct

from backstride.domain.units import Ms
from backstride.virtual.gatt import Uuid
from backstride.virtual.log import MachineLog, Sent
from backstride.virtual.model import Status
from backstride.virtual.quirks import Audience


class Kind(Enum):
    """What the radio is asked to do."""

    NOTIFY = auto()
    """Send a notification."""
    INDICATE = auto()
    """Send an indication; the client's stack confirms it."""
    DISCONNECT = auto()
    """Drop the link to the client."""
    ADVERTISE = auto()
    """The machine's advertisement changed; there is no client."""


class Output(Struct, frozen=True):
    """One thing that leaves the machine at `at` for one client."""

    at: Ms
    kind: Kind
    client: str
    uuid: Uuid = Uuid.FITNESS_MACHINE
    data: bytes = b""


class Outbox:
    """Connections, subscriptions and outgoing frames in order of time."""

    def __init__(self, log: MachineLog) -> None:
        self._log = log
        self._subscriptions: dict[str, dict[Uuid, Ms]] = {}
        self._waiting: list[Output] = []

    @property
    def clients(self) -> tuple[str, ...]:
        """Who is connected, oldest first."""
        return tuple(self._subscriptions)

    def connect(self, client: str) -> None:
        """Add a client without subscriptions."""
        self._subscriptions[client] = {}

    def disconnect(self, client: str) -> None:
        """Forget a client and what was on its way to it."""
        self._subscriptions.pop(client, None)
        self._waiting = [output for output in self._waiting if output.client != client]

    def drop(self, at: Ms, client: str) -> None:
        """Ask the radio to drop the link."""
        if client in self._subscriptions:
            self._waiting.append(Output(at, Kind.DISCONNECT, client))

    def announce(self, at: Ms) -> None:
        """Tell the radio that the advertisement changed."""
        self._waiting.append(Output(at, Kind.ADVERTISE, ""))

    def subscribe(self, client: str, uuid: Uuid, at: Ms) -> None:
        """From `at` on the client gets this characteristic."""
        self._subscriptions[client][uuid] = at

    def unsubscribe(self, client: str, uuid: Uuid) -> None:
        """The client gets this characteristic no more."""
        self._subscriptions.get(client, {}).pop(uuid, None)

    def is_subscribed(self, client: str, uuid: Uuid) -> bool:
        """Whether the client gets this characteristic."""
        return uuid in self._subscriptions.get(client, ())

    def subscribers(self, uuid: Uuid) -> list[tuple[str, Ms]]:
        """Who gets this characteristic, and since when."""
        return [
            (client, kinds[uuid]) for client, kinds in self._subscriptions.items() if uuid in kinds
        ]

    def send(self, at: Ms, client: str, uuid: Uuid, data: bytes, kind: Kind = Kind.NOTIFY) -> None:
        """Send one frame to one client, if it subscribed."""
        if not self.is_subscribed(client, uuid):
            return
        self._waiting.append(Output(at, kind, client, uuid, data))
        if self._log.keep_sent:
            self._log.sent.append(Sent(at, uuid, data, client))

    def take(self) -> list[Output]:
        """Everything that is waiting, in order of time; the outbox is empty afterwards."""
        taken, self._waiting = self._waiting, []
        return taken


class Herald:
    """Tells machine status and training status, in this machine's manner."""

    def __init__(self, manner: Status, outbox: Outbox) -> None:
        self._manner = manner
        self._outbox = outbox
        self.training = manner.idle_code

    def tell(self, at: Ms, status: bytes, asked_by: str | None = None) -> None:
        """Send a machine status; `asked_by` is the client whose own procedure caused it."""
        padded = status.ljust(self._manner.width or 0, b"\0")
        for client, _ in self._outbox.subscribers(Uuid.MACHINE_STATUS):
            if client == asked_by and self._manner.audience is Audience.OTHERS:
                continue
            self._outbox.send(at, client, Uuid.MACHINE_STATUS, padded)

    def train(self, at: Ms, code: bytes) -> None:
        """Change the training status, and send it when it is another one."""
        if code == self.training:
            return
        self.training = code
        for client, _ in self._outbox.subscribers(Uuid.TRAINING_STATUS):
            self._outbox.send(at, client, Uuid.TRAINING_STATUS, self.training_value)

    @property
    def training_value(self) -> bytes:
        """2AD3 as it reads now."""
        return self._manner.training_flags + self.training
