"""How a treadmill's host is: the payload of `health`, once a minute and when something changes.

Every treadmill's daemon says it below its own prefix, also where one host has several: its name and its
certificate at the broker are the treadmill's, and so is the will that says `offline`. Whoever wants hosts
groups by `host.name`.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from backstride.mqtt.quantities import Boot, Count, Seconds, Timestamp, Version

HEALTH_VERSION: Final = 1


class HostHealth(Struct, frozen=True, kw_only=True):
    """The computer under the daemon. What this one cannot tell is null."""

    name: Annotated[str, Meta(description="the host's own name")]
    uptime: Annotated[Seconds, Meta(description="since the host was switched on")]
    clock_synchronised: Annotated[bool, Meta(description="a time service keeps its clock")]
    temperature: Annotated[float | None, Meta(description="°C of the processor")] = None
    throttled: Annotated[
        bool | None,
        Meta(description="a Raspberry Pi is slowed down now: too hot, or too little power"),
    ] = None
    memory_free: Annotated[int | None, Meta(description="MB that programs could still have")] = None
    disk_free: Annotated[int | None, Meta(description="MB where the daemon keeps its records")] = (
        None
    )


class RadioHealth(Struct, frozen=True, kw_only=True):
    """The link to the treadmill. `connections` counts those of this boot: more than one are reconnects."""

    up: bool
    connections: Count
    rssi: Annotated[int | None, Meta(description="dBm when it was last heard to advertise")] = None
    trouble: Annotated[str | None, Meta(description="why there is no link")] = None


class LastSession(Struct, frozen=True, kw_only=True):
    """The newest session of this boot that is over. It says nothing of who walked."""

    program: str
    ended: Timestamp
    outcome: str | None


class Health(Struct, frozen=True, kw_only=True):
    """How the host, the radio and the daemon are. `faults` is empty when all is well."""

    v: Version = HEALTH_VERSION
    boot: Boot
    time: Timestamp
    uptime: Annotated[Seconds, Meta(description="since this daemon began")]
    memory: Annotated[int | None, Meta(description="MB that the daemon takes")] = None
    versions: Annotated[
        dict[str, str], Meta(description="of `backstride`, `python`, `kernel`, `bluez`")
    ]
    host: HostHealth
    radio: RadioHealth
    last_session: LastSession | None = None
    faults: Annotated[
        dict[str, str], Meta(description="what is wrong: a code, and a sentence")
    ] = {}
