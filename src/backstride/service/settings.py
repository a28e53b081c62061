"""What can be configured, as types. `config` reads them from a file; every field is a key of that file."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain import limits
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart
from backstride.domain.units import Incline, Ms, Speed
from backstride.domain.walker import Units
from backstride.service.languages import Language

PORT: Final = 1883
TLS_PORT: Final = 8883
VIRTUAL: Final = "virtual"
"""In place of a strap's address: one inside the daemon."""
TREADMILL: Final = "{treadmill}"
"""In a name or a path of `[broker]`: the id of the treadmill that it is for."""


class Protocol(StrEnum):
    """Which version of MQTT to speak."""

    AUTO = "auto"
    """5, and 3.1.1 with a broker that does not know it."""
    V5 = "5"
    V311 = "3.1.1"


class LogFormat(StrEnum):
    """How log events are written."""

    AUTO = "auto"
    """Colour on a terminal, else JSON."""
    JSON = "json"
    COLOUR = "colour"


class LogLevel(StrEnum):
    """The least important event that is still written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Tls(Struct, frozen=True, kw_only=True):
    """PEM files. Without `ca` the system's authorities are trusted."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class Broker(Struct, frozen=True, kw_only=True):
    """Where the MQTT broker is and who we are there. Topics are `<prefix>/<treadmill id>/...`.

    `credential` is the name of a systemd credential; where there is none, `password_file` is read.
    What distinguishes the treadmills of one host at the broker has TREADMILL in it.
    """

    host: str = "localhost"
    port: int = PORT
    user: str | None = None
    password_file: str | None = None
    credential: str | None = None
    protocol: Protocol = Protocol.AUTO
    prefix: str = "backstride"
    trust_scalars: bool = False
    tls: Tls | None = None

    @property
    def distinguishes(self) -> bool:
        """Whether each treadmill has a name, a password or a certificate of its own."""
        return self != self.of("")

    def of(self, treadmill: str) -> Broker:
        """The same for one treadmill: with its id where TREADMILL stands."""

        def fill(text: str | None) -> str | None:
            return None if text is None else text.replace(TREADMILL, treadmill)

        tls = self.tls
        if tls is not None:
            tls = Tls(ca=tls.ca, cert=fill(tls.cert), key=fill(tls.key))
        return replace(
            self,
            user=fill(self.user),
            password_file=fill(self.password_file),
            credential=fill(self.credential),
            tls=tls,
        )


class HomeAssistant(Struct, frozen=True, kw_only=True):
    """Whether Home Assistant finds the treadmills by itself. `prefix` is its discovery prefix."""

    discovery: bool = True
    prefix: str = "homeassistant"


class Site(Struct, frozen=True, kw_only=True):
    """The house's own limits, for every treadmill in it."""

    name: str = "home"
    max_speed: Speed = limits.SITE_SPEED
    max_incline: Incline = limits.SITE_INCLINE
    max_backward_time: Ms = limits.BACKWARD_TIME
    jog: bool = False

    @property
    def rules(self) -> SiteRules:
        """The same for the envelope."""
        return SiteRules(
            caps=Caps(
                reason=f"the site {self.name!r}",
                speed=self.max_speed,
                incline=self.max_incline,
                backward_time=self.max_backward_time,
            ),
            jog=self.jog,
        )


class Service(Struct, frozen=True, kw_only=True):
    """The daemon itself. `state_directory` None: systemd's, else the user's own.

    `host_name` None: as the system calls this host.
    """

    state_directory: str | None = None
    host_name: str | None = None
    log_format: LogFormat = LogFormat.AUTO
    log_level: LogLevel = LogLevel.INFO


class Guidance(Struct, frozen=True, kw_only=True):
    """How cues are said to whoever has no wishes of their own."""

    language: Language = Language.ENGLISH
    units: Units = Units.METRIC
    technique: bool = True


class Programs(Struct, frozen=True, kw_only=True):
    """Where own programs are, besides those that come with the product."""

    directory: str | None = None


class Export(Struct, frozen=True, kw_only=True):
    """As what each session is written into a folder when it is over; None: `exports` beside the history."""

    fit: bool = False
    tcx: bool = False
    csv: bool = False
    json: bool = False
    directory: str | None = None

    @property
    def formats(self) -> tuple[str, ...]:
        """Those that are wanted."""
        return tuple(name for name in ("fit", "tcx", "csv", "json") if getattr(self, name))


class Walker(Struct, frozen=True, kw_only=True):
    """Who walks here, when it is always the same person: their own limits."""

    max_speed: Speed | None = None
    max_incline: Incline | None = None
    max_backward_time: Ms | None = None
    max_heart_rate: int | None = None
    """1/min, the walker's highest; the ceiling of a session is 85 % of it."""

    @property
    def caps(self) -> Caps:
        """The same for the envelope."""
        return Caps(
            reason="the walker's own limit",
            speed=self.max_speed,
            incline=self.max_incline,
            backward_time=self.max_backward_time,
        )


class Treadmill(Struct, frozen=True, kw_only=True):
    """One treadmill: how to find it, how it starts, what it may do.

    Without `address`, `bluetooth_name` and `virtual` it is the only treadmill in range. `fingerprint` binds
    it: another machine found under the same name or address is not moved. `host` is whose daemon it belongs
    to, where one file serves several; None belongs to everybody's. `sheet` is its commissioning
    sheet, without which a real machine stays slow and is started at its console. `pin_file` holds the
    hash of the PIN without which nothing is started. `strap` is a heart-rate strap's address, or VIRTUAL.
    """

    id: str
    name: str
    host: str | None = None
    address: str | None = None
    bluetooth_name: str | None = None
    adapter: str | None = None
    virtual: str | None = None
    strap: str | None = None
    belt_start: BeltStart = BeltStart.CONSOLE
    fingerprint: str | None = None
    sheet: str | None = None
    pin_file: str | None = None
    max_speed: Speed | None = None
    max_incline: Incline | None = None
    walker: Walker | None = None

    @property
    def target(self) -> str | None:
        """How to find it on the air, as people write it; None for the only one in range."""
        return self.address or self.bluetooth_name

    @property
    def caps(self) -> Caps:
        """What is configured for this machine, for the envelope."""
        return Caps(
            reason=f"configured for {self.name!r}",
            speed=self.max_speed,
            incline=self.max_incline,
        )


class Config(Struct, frozen=True, kw_only=True):
    """The whole configuration. `file` is where it came from, None for the defaults."""

    broker: Broker = Broker()
    homeassistant: HomeAssistant = HomeAssistant()
    site: Site = Site()
    service: Service = Service()
    programs: Programs = Programs()
    guidance: Guidance = Guidance()
    export: Export = Export()
    treadmills: tuple[Treadmill, ...] = (Treadmill(id="treadmill", name="treadmill"),)
    file: str | None = None
