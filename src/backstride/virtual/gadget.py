"""What the virtual air carries: anything with attributes, without I/O and with time told from outside."""

from collections.abc import Sequence
from typing import Protocol

from backstride.domain.units import Ms
from backstride.virtual.gatt import Advertisement, Characteristic, Uuid
from backstride.virtual.outbox import Output


class Gadget(Protocol):
    """A peripheral: a treadmill or a strap. Whoever owns a radio and a clock (`pump.py`) drives it."""

    address: str

    @property
    def name(self) -> str | None:
        """The name that it advertises."""
        ...

    @property
    def encrypted(self) -> bool:
        """Whether its control point wants an encrypted link."""
        ...

    @property
    def characteristics(self) -> Sequence[Characteristic]:
        """Its attributes, in the order of their handles."""
        ...

    @property
    def advertisement(self) -> Advertisement | None:
        """What it advertises; None while it takes no further connection."""
        ...

    def advance(self, now_ms: Ms) -> list[Output]:
        """Carry out everything due up to `now_ms`; return what leaves, in order."""
        ...

    def next_due(self) -> Ms | None:
        """When it next does something by itself."""
        ...

    def connect(self, client: str, now_ms: Ms) -> None:
        """A client connects; raises `ConnectionRefusedByMachineError`."""
        ...

    def disconnect(self, client: str, now_ms: Ms) -> None:
        """The link to a client is gone."""
        ...

    def subscribe(self, client: str, uuid: Uuid, now_ms: Ms) -> None:
        """The client enables notifications or indications."""
        ...

    def unsubscribe(self, client: str, uuid: Uuid, now_ms: Ms) -> None:
        """The client disables them."""
        ...

    def read(self, uuid: Uuid, now_ms: Ms) -> bytes:
        """The value of a readable characteristic; raises `AttError`."""
        ...

    def write(
        self, uuid: Uuid, data: bytes, now_ms: Ms, client: str, *, response: bool = True
    ) -> None:
        """The client writes; raises `AttError`."""
        ...
