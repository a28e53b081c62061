"""When the discovery message is sent: a few seconds after it changed, or after Home Assistant came up.

The pause is random so that a gym's treadmills do not all speak at once, and one message takes everything
along that changed meanwhile: Home Assistant loses parts of one that follows another too closely.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import msgspec

from backstride.mqtt import topics
from backstride.mqtt.homeassistant.builder import Treadmill
from backstride.mqtt.homeassistant.discovery import describe
from backstride.mqtt.outbox import Item, Outbox
from backstride.mqtt.schema import Info, Programs
from backstride.mqtt.settings import BrokerSettings
from backstride.mqtt.training import Walkers
from backstride.ports import Publication

BIRTH: Final = b"online"
"""What Home Assistant says on its status topic when it is up."""
EARLIEST_S: Final = 1.0
LATEST_S: Final = 5.0


def discovery_topic(prefix: str, treadmill: str) -> str:
    """Where a treadmill is announced."""
    return f"{prefix}/device/{treadmill}/config"


def birth_topic(prefix: str) -> str:
    """Where Home Assistant says that it is up."""
    return f"{prefix}/status"


class Announcer:
    """Announces one treadmill to Home Assistant, if that is wanted.

    Args:
        settings: whether and where, and of which treadmill.
        prefix: of its topics.
        outbox: takes the message.
        v5: whether the broker speaks MQTT 5.
    """

    def __init__(
        self, settings: BrokerSettings, *, prefix: str, outbox: Outbox, v5: Callable[[], bool]
    ) -> None:
        wanted = settings.homeassistant
        self.news: dict[str, Callable[[bytes], None]] = (
            {} if wanted is None else {birth_topic(wanted.prefix): self.hear}
        )
        """What is to be listened to, and who takes it."""
        self._settings = settings
        self._prefix = prefix
        self._outbox = outbox
        self._v5 = v5
        self._info: Info | None = None
        self._programs: Programs | None = None
        self._walkers: Walkers | None = None
        self._sent: bytes | None = None
        self._again = False
        self._timer: asyncio.TimerHandle | None = None

    def look(self, publication: Publication) -> None:
        """Take note of what was published; what is of no interest here costs nothing."""
        if not self.news:
            return
        if publication.topic == topics.INFO.name:
            self._info = msgspec.json.decode(publication.payload, type=Info)
        elif publication.topic == topics.PROGRAMS.name:
            self._programs = msgspec.json.decode(publication.payload, type=Programs)
        elif publication.topic == topics.WALKERS.name:
            self._walkers = msgspec.json.decode(publication.payload, type=Walkers)
        else:
            return
        self._plan()

    def hear(self, payload: bytes) -> None:
        """Take a message of Home Assistant's status topic, whoever sent it: at most we repeat ourselves."""
        if payload == BIRTH:
            self._again = True
            self._plan()

    def _plan(self) -> None:
        if self._timer is None:
            pause = random.uniform(EARLIEST_S, LATEST_S)  # noqa: S311  jitter, no secret
            self._timer = asyncio.get_running_loop().call_later(pause, self._announce)

    def _announce(self) -> None:
        self._timer = None
        again, self._again = self._again, False
        wanted = self._settings.homeassistant
        if wanted is None or self._info is None or self._programs is None:
            return
        treadmill = Treadmill(
            id=self._settings.treadmill,
            name=wanted.name,
            prefix=self._prefix,
            expiry=self._v5(),
        )
        discovery = describe(treadmill, self._info, self._programs, self._walkers)
        payload = msgspec.json.encode(discovery)
        if again or payload != self._sent:
            self._sent = payload
            self._outbox.put(
                Item(
                    topic=discovery_topic(wanted.prefix, treadmill.id),
                    payload=payload,
                    qos=1,
                    retain=True,
                    put_at=asyncio.get_running_loop().time(),
                    content=topics.Content.JSON.value,
                )
            )
