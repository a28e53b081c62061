"""The discovery message of one treadmill, from `info`, `programs` and `walkers` as they are published."""

from __future__ import annotations

from backstride.mqtt import topics
from backstride.mqtt.homeassistant.builder import Treadmill
from backstride.mqtt.homeassistant.entities import Entities
from backstride.mqtt.homeassistant.payload import (
    Availability,
    Component,
    Device,
    Discovery,
    Origin,
)
from backstride.mqtt.homeassistant.people import People
from backstride.mqtt.schema import Info, Programs
from backstride.mqtt.training import Walkers


def describe(
    treadmill: Treadmill, info: Info, programs: Programs, walkers: Walkers | None = None
) -> Discovery:
    """Make the discovery message for what is published of a treadmill.

    What the machine decides (the range of its speeds, whether it has an incline or reads a heart rate) is
    left out while no machine is known, and who may walk until that is: Home Assistant keeps what it had.
    """
    entities, people = Entities(treadmill), People(treadmill)
    components = {
        **entities.quantities(),
        **entities.words(),
        **entities.health(),
        **entities.buttons(),
        "voice": entities.voice(),
        "program": entities.program(programs),
        **people.training(),
        **people.feedback(),
        **people.body(),
    }
    if walkers is not None:
        components["walker"] = people.walker(walkers)
    if info.machine is not None:
        limit = info.limits["speed"].value
        components["target_speed"] = entities.target_speed(info.machine.speed, limit)
        components |= {
            key: component if word in info.capabilities else _absent(component)
            for word, key, component in (
                *entities.optional(),
                ("telemetry.heart_rate", "heart_ceiling", people.ceiling()),
            )
        }
    if "pin" in info.capabilities:
        # A button cannot ask for it, and a PIN that a template knows is none.
        components["start"] = _absent(components["start"])
    return Discovery(
        device=Device(
            identifiers=(f"backstride_{treadmill.id}",),
            name=treadmill.name,
            model=info.machine.name if info.machine else None,
            sw_version=info.version,
        ),
        origin=Origin(name="Backstride", sw_version=info.version),
        availability=(Availability(topic=entities.topic(topics.AVAILABILITY)),),
        components=components,
    )


def _absent(component: Component) -> Component:
    """What removes a component that an earlier message may have brought."""
    return Component(platform=component.platform)
