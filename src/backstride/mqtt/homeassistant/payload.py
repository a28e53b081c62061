"""The discovery message as types: the keys that Home Assistant knows, and no others.

A key that is not set is not sent; `name` None is sent as null, which gives an entity its device's name.
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType


class Platform(StrEnum):
    """The kinds of entities in use."""

    BINARY_SENSOR = "binary_sensor"
    BUTTON = "button"
    EVENT = "event"
    NUMBER = "number"
    SELECT = "select"
    SENSOR = "sensor"
    SWITCH = "switch"


class Availability(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A topic that says `online` or `offline`, through a template if it says more."""

    topic: str
    value_template: str | None = None


class Device(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the entities belong to. Without identifiers Home Assistant refuses everything."""

    identifiers: tuple[str, ...]
    name: str
    model: str | None = None
    sw_version: str


class Origin(Struct, frozen=True, kw_only=True):
    """Who wrote this; shown in Home Assistant's log."""

    name: str
    sw_version: str


class Component(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entity. With nothing but its platform: there is none any more, remove it.

    `default_entity_id` is ignored before 2025.10, which makes the same id of the names;
    `message_expiry_interval` (seconds, of what is sent) before MQTT 5 came in 2026.6.
    """

    platform: Platform
    unique_id: str | None = None
    name: str | UnsetType | None = UNSET
    default_entity_id: str | None = None
    icon: str | None = None
    entity_category: str | None = None
    enabled_by_default: bool = True
    qos: int = 0
    availability: tuple[Availability, ...] | None = None

    state_topic: str | None = None
    value_template: str | None = None
    json_attributes_topic: str | None = None
    json_attributes_template: str | None = None

    device_class: str | None = None
    unit_of_measurement: str | None = None
    state_class: str | None = None
    suggested_display_precision: int | None = None
    options: tuple[str, ...] | None = None
    event_types: tuple[str, ...] | None = None

    command_topic: str | None = None
    command_template: str | None = None
    payload_press: str | None = None
    message_expiry_interval: int | None = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    mode: str | None = None


class Discovery(Struct, frozen=True, kw_only=True):
    """The whole message. What stands at its level holds for every component that says nothing else."""

    device: Device
    origin: Origin
    availability: tuple[Availability, ...]
    availability_mode: str = "all"
    components: dict[str, Component]
