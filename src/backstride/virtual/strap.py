"""A virtual heart-rate strap: the services 180D and 180F without any I/O, honest or not.

Theory of operation: as `machine.Machine`, it is told what happens to it and when, and `advance(now)` returns
what leaves it. Once a second it measures its heart, a plain number that a test or the demo sets; what becomes
of the measurement on its way is the matter of its quirks, one switch each.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.domain.units import KMH, SECOND, Ms, Speed
from backstride.virtual.gatt import (
    Advertisement,
    AttCode,
    AttError,
    Characteristic,
    Property,
    Uuid,
)
from backstride.virtual.machine import ConnectionRefusedByMachineError
from backstride.virtual.model import derive_address
from backstride.virtual.outbox import Kind, Output

RESTING: Final = 70
"""1/min, of a virtual walker who stands [CHOICE]."""
PER_KMH: Final = 18
"""1/min more for each km/h, at the most one more a second [CHOICE]."""


class Mood(StrEnum):
    """What a strap does with what it measures."""

    HONEST = "honest"
    LOOSE = "loose"
    """No contact to the skin: it says so, and 0."""
    ZERO = "zero"
    """0 1/min, and nothing about contact."""
    ABSURD = "absurd"
    """65535 1/min, as after a disturbance."""
    SILENT = "silent"
    """Connected, and nothing comes."""
    TWICE = "twice"
    """Each measurement comes twice."""
    GARBLED = "garbled"
    """Notifications whose length is not what their flags say."""
    FLAT = "flat"
    """The battery is empty: no link, no advertisement."""


class StrapModel(Struct, frozen=True, kw_only=True):
    """One kind of strap."""

    name: str | None = "Virtual Strap"
    place: int | None = 1
    """Body sensor location; None: it has no such characteristic. 1 is the chest."""
    battery: int | None = 80
    """%; None: it has no battery service."""
    tells_contact: bool = True
    wide: bool = False
    """The rate in 16 bits, as some straps send it always."""
    intervals: bool = True
    """With RR intervals."""
    period: Ms = SECOND
    drops_after: Ms | None = None
    """Each connection is dropped after this long."""


class VirtualStrap:
    """One strap. `bpm` is the heart's true rate, `mood` what becomes of it."""

    encrypted = False

    def __init__(
        self, model: StrapModel | None = None, *, now_ms: Ms = 0, address: str | None = None
    ) -> None:
        self.model = model or StrapModel()
        self.address = address or derive_address("strap")
        self.bpm = RESTING
        self.walks: Callable[[], Speed] | None = None
        """If set, the heart follows a belt's speed, as slowly as hearts do."""
        self.mood = Mood.HONEST
        self.characteristics = _list_characteristics(self.model)
        self._now = now_ms
        self._due: Ms | None = None
        self._client: str | None = None
        self._drop_at: Ms | None = None
        self._subscribed = False
        self._waiting: list[Output] = []

    @property
    def name(self) -> str | None:
        """The name that it advertises."""
        return self.model.name

    @property
    def advertisement(self) -> Advertisement | None:
        """What it advertises; None while it is connected or its battery is empty."""
        if self._client is not None or self.mood is Mood.FLAT:
            return None
        return Advertisement(self.address, self.name, (int(Uuid.HEART_RATE),), None)

    def set_mood(self, mood: Mood, now_ms: Ms) -> None:
        """From now on this becomes of what it measures; an empty battery drops the link."""
        self._now = max(self._now, now_ms)
        self.mood = mood
        if mood is Mood.FLAT and self._client is not None:
            self._waiting.append(Output(self._now, Kind.DISCONNECT, self._client))
        self._waiting.append(Output(self._now, Kind.ADVERTISE, ""))

    # --- time -------------------------------------------------------------------------------

    def advance(self, now_ms: Ms) -> list[Output]:
        """Measure for all the time up to `now_ms`; return what left, in order."""
        self._now = max(self._now, now_ms)
        client = self._client
        if client is not None and self._drop_at is not None and self._drop_at <= self._now:
            self._waiting.append(Output(self._drop_at, Kind.DISCONNECT, client))
            self._drop_at = None
        while self._due is not None and self._due <= self._now:
            at, self._due = self._due, self._due + self.model.period
            self._beat()
            if client is not None and self._subscribed:
                self._waiting += (self._frame(at, client, frame) for frame in self._frames())
        taken, self._waiting = self._waiting, []
        return taken

    def next_due(self) -> Ms | None:
        """When it next measures or drops its link; None while nobody listens."""
        return min((at for at in (self._due, self._drop_at) if at is not None), default=None)

    def _beat(self) -> None:
        if self.walks is not None:
            aim = RESTING + self.walks() * PER_KMH // KMH
            self.bpm += max(min(aim - self.bpm, 1), -1)

    def _frame(self, at: Ms, client: str, data: bytes) -> Output:
        return Output(at, Kind.NOTIFY, client, Uuid.HEART_RATE_MEASUREMENT, data)

    def _frames(self) -> tuple[bytes, ...]:
        match self.mood:
            case Mood.SILENT | Mood.FLAT:
                return ()
            case Mood.LOOSE:
                return (self.encode(0, contact=False),)
            case Mood.ZERO:
                return (bytes([0, 0]),)
            case Mood.ABSURD:
                return (bytes([1, 0xFF, 0xFF]),)
            case Mood.GARBLED:
                return b"", b"\x01\x50", b"\x08\x50\x01", b"\x10\x50\x01", b"\x00\x50\x01"
            case Mood.TWICE:
                return (self.encode(self.bpm),) * 2
            case Mood.HONEST:
                return (self.encode(self.bpm),)

    def encode(self, bpm: int, *, contact: bool = True) -> bytes:
        """One measurement as this strap writes it."""
        model = self.model
        wide = model.wide or bpm > 0xFF
        beats = [1024 * 60 // bpm] if model.intervals and bpm and contact else []
        flags = wide | (0b100 | contact << 1 if model.tells_contact else 0) | bool(beats) << 4
        octets = bpm.to_bytes(2 if wide else 1, "little")
        return bytes([flags]) + octets + b"".join(beat.to_bytes(2, "little") for beat in beats)

    # --- links ------------------------------------------------------------------------------

    def connect(self, client: str, now_ms: Ms) -> None:
        """A client connects.

        Raises:
            ConnectionRefusedByMachineError: somebody is connected, or the battery is empty.
        """
        self._now = max(self._now, now_ms)
        if self._client is not None or self.mood is Mood.FLAT:
            raise ConnectionRefusedByMachineError("the strap takes no further connection")
        self._client = client
        after = self.model.drops_after
        self._drop_at = None if after is None else self._now + after

    def disconnect(self, client: str, now_ms: Ms) -> None:
        """The link to a client is gone, whoever ended it."""
        self._now = max(self._now, now_ms)
        if client == self._client:
            self._client = self._drop_at = self._due = None
            self._subscribed = False

    def subscribe(self, client: str, uuid: Uuid, now_ms: Ms) -> None:
        """The client enables notifications."""
        self._now = max(self._now, now_ms)
        if client == self._client and uuid is Uuid.HEART_RATE_MEASUREMENT:
            self._subscribed = True
            self._due = self._now + self.model.period

    def unsubscribe(self, client: str, uuid: Uuid, now_ms: Ms) -> None:
        """The client disables notifications."""
        self._now = max(self._now, now_ms)
        if client == self._client and uuid is Uuid.HEART_RATE_MEASUREMENT:
            self._subscribed, self._due = False, None

    # --- attributes -------------------------------------------------------------------------

    def read(self, uuid: Uuid, now_ms: Ms) -> bytes:
        """The value of a readable characteristic.

        Raises:
            AttError: it cannot be read.
        """
        self._now = max(self._now, now_ms)
        values = {
            Uuid.BODY_SENSOR_LOCATION: self.model.place,
            Uuid.BATTERY_LEVEL: self.model.battery,
        }
        value = values.get(uuid)
        if value is None:
            raise AttError(AttCode.READ_NOT_PERMITTED)
        return bytes([value])

    def write(
        self,
        uuid: Uuid,  # noqa: ARG002
        data: bytes,  # noqa: ARG002
        now_ms: Ms,  # noqa: ARG002
        client: str,  # noqa: ARG002
        *,
        response: bool = True,  # noqa: ARG002
    ) -> None:
        """Nothing of a strap can be written.

        Raises:
            AttError: always.
        """
        raise AttError(AttCode.WRITE_NOT_PERMITTED)


def _list_characteristics(model: StrapModel) -> tuple[Characteristic, ...]:
    rate = Uuid.HEART_RATE
    found = [Characteristic(rate, Uuid.HEART_RATE_MEASUREMENT, (Property.NOTIFY,))]
    if model.place is not None:
        found.append(Characteristic(rate, Uuid.BODY_SENSOR_LOCATION, (Property.READ,)))
    if model.battery is not None:
        found.append(Characteristic(Uuid.BATTERY, Uuid.BATTERY_LEVEL, (Property.READ,)))
    return tuple(found)
