"""Which version of MQTT to speak with a broker, as experience teaches."""

from __future__ import annotations

from typing import Final

import aiomqtt

from backstride.mqtt.client import ClosedEarlyError

_UNSUPPORTED_VERSION: Final = 0x84
"""CONNACK's reason code of a broker that knows the protocol and not this version of it."""


class Dialect:
    """The version for the next attempt: 5, and 3.1.1 where the broker wants or seems to want it.

    Args:
        mqtt5: 5 may be spoken at all.
    """

    def __init__(self, *, mqtt5: bool) -> None:
        v5, v311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311
        self.version = v5 if mqtt5 else v311
        self._mqtt5 = mqtt5
        self._declared = not mqtt5
        self._spoke_v5 = False

    @property
    def v5(self) -> bool:
        """The version is 5."""
        return self.version is aiomqtt.ProtocolVersion.V5

    def worked(self) -> None:
        """Remember that the broker spoke the present version."""
        self._spoke_v5 = self._spoke_v5 or self.v5

    def fall_back(self, error: Exception) -> bool:
        """Pick the version for the next attempt; tell whether to try 3.1.1 at once."""
        rc = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
        declared = getattr(rc, "value", rc) == _UNSUPPORTED_VERSION
        unanswered = isinstance(error, ClosedEarlyError) and not self._spoke_v5
        if self.v5:
            if declared or unanswered:
                self.version, self._declared = aiomqtt.ProtocolVersion.V311, declared
            return declared or unanswered
        if self._mqtt5 and (declared or unanswered or not self._declared):
            self.version, self._declared = aiomqtt.ProtocolVersion.V5, False
        return False
