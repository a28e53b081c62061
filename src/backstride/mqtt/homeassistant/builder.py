"""What all entities of a treadmill have in common: names, topics, and what makes a command one."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.mqtt import topics
from backstride.mqtt.homeassistant import templates
from backstride.mqtt.homeassistant.payload import Availability, Component, Platform

MEASURED: Final = "measurement"
GROWING: Final = "total_increasing"
"""State class of a counter that begins again at 0 with each session."""


class Treadmill(Struct, frozen=True, kw_only=True):
    """Whose entities: its id, its name for people, the prefix of its topics.

    `expiry`: its broker speaks MQTT 5. On an older connection Home Assistant would refuse to send a
    command that expires.
    """

    id: str
    name: str
    prefix: str
    expiry: bool = True


class Builder:
    """Builds components of one treadmill."""

    def __init__(self, treadmill: Treadmill) -> None:
        self._treadmill = treadmill
        self._slug = treadmill.id.replace("-", "_")
        # A component has the device's whole list of topics or one of its own.
        self._machine = (
            Availability(topic=self.topic(topics.AVAILABILITY)),
            Availability(topic=self.topic(topics.CONNECTION), value_template=templates.UP),
        )

    def topic(self, row: topics.Topic) -> str:
        """A topic of this treadmill."""
        return f"{self._treadmill.prefix}/{row.name}"

    def entity(self, platform: Platform, key: str, name: str | None, icon: str) -> Component:
        """What all have. Without a name it is the device's main entity, and has the device's."""
        suffix = f"_{key}" if name else ""
        return Component(
            platform=platform,
            unique_id=f"backstride_{self._treadmill.id}_{key}",
            name=name,
            default_entity_id=f"{platform}.{self._slug}{suffix}",
            icon=icon,
            qos=1,
        )

    def shown(
        self, entity: Component, template: str, source: topics.Topic = topics.STATE
    ) -> Component:
        """The entity with a state out of one of our topics."""
        return replace(entity, state_topic=self.topic(source), value_template=template)

    def measured(
        self, entity: Component, path: str, unit: str, state_class: str | None
    ) -> Component:
        """The entity as a quantity that means nothing without the machine."""
        return replace(
            self.shown(entity, templates.show(path)),
            availability=self._machine,
            unit_of_measurement=unit,
            state_class=state_class,
        )

    def commanding(self, entity: Component, template: str, *, machine: bool) -> Component:
        """The entity with a command. It keeps `boot` as an attribute, for its template."""
        return replace(
            entity,
            availability=self._machine if machine else None,
            command_topic=self.topic(topics.COMMAND),
            command_template=template,
            json_attributes_topic=self.topic(topics.INFO),
            json_attributes_template=templates.BOOT,
            message_expiry_interval=topics.COMMAND.expiry if self._treadmill.expiry else None,
        )
