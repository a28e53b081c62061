"""Where the broker is, and who we are to it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

KEEPALIVE_S: Final = 10
"""A half-open connection is noticed after twice this."""
TIMEOUT_S: Final = 5.0
"""For connecting, subscribing and each publish: a broker that needs longer is as good as gone."""
RETRY_AFTER_S: Final = 1.0
"""Before the second attempt to connect; the pauses double from there."""


class Tls(Struct, frozen=True, kw_only=True):
    """Paths of PEM files; `ca` None means the system's authorities."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class HomeAssistant(Struct, frozen=True, kw_only=True):
    """How to be found by Home Assistant: its discovery prefix, and the treadmill's name for people."""

    prefix: str = "homeassistant"
    name: str


class BrokerSettings(Struct, frozen=True, kw_only=True):
    """Where the broker is and who we are. `treadmill` is the id; `prefix` defaults to `backstride/<id>`.

    `client_id` defaults to `backstride-<id>`: two daemons for one treadmill throw each other out,
    which is seen, instead of both answering. Without `mqtt5` only 3.1.1 is spoken. `trust_scalars`:
    see `commands`. Without `homeassistant` it is not told of us. Times in seconds.
    """

    treadmill: str
    host: str = "127.0.0.1"
    port: int = 1883
    user: str | None = None
    password: str | None = None
    tls: Tls | None = None
    prefix: str | None = None
    client_id: str | None = None
    mqtt5: bool = True
    trust_scalars: bool = False
    keepalive: int = KEEPALIVE_S
    timeout: float = TIMEOUT_S
    retry_after: float = RETRY_AFTER_S
    homeassistant: HomeAssistant | None = None

    def __repr__(self) -> str:
        return f"BrokerSettings({self.treadmill!r}, {self.host!r}, {self.port}, user={self.user!r})"
