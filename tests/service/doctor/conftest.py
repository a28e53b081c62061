"""A made-up host: a stand-in for BlueZ on a private D-Bus, directories, and programs that play a part."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus

from backstride.service.doctor.findings import Place


@pytest.fixture
def _guarded():
    """The examination may read files where it stands: it is no daemon, and nobody waits for a Stop."""


def _variants(has: dict) -> dict[str, Variant]:
    return {
        key: Variant("b" if isinstance(value, bool) else "s", value) for key, value in has.items()
    }


@pytest.fixture
async def start_bluez(start_bus):
    """Serve objects as org.bluez on a private bus, and return its address; None never answers."""
    served = []

    async def start(objects: dict | None, more: str = "") -> str:
        address = await start_bus(more)
        bus = await MessageBus(address).connect()
        served.append(bus)

        def answer(message: Message) -> Message | bool | None:
            if message.member != "GetManagedObjects":
                return None
            if objects is None:
                return True
            body = {
                path: {f"org.bluez.{name}": _variants(has) for name, has in interfaces.items()}
                for path, interfaces in objects.items()
            }
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [body])

        bus.add_message_handler(answer)
        await bus.request_name("org.bluez")
        return address

    yield start
    for bus in served:
        bus.disconnect()
        await bus.wait_for_disconnect()


class Host(NamedTuple):
    """A made-up host below one directory."""

    root: Path
    place: Place

    def add_program(self, name: str, body: str) -> None:
        """Put a shell script on the path."""
        file = self.root / "bin" / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)

    def add_switch(self, **words: object) -> None:
        """Put a switch into the made-up /sys/class/rfkill."""
        switch = self.place.rfkill / f"rfkill{len(list(self.place.rfkill.iterdir()))}"
        switch.mkdir()
        for name, word in words.items():
            (switch / name).write_text(f"{word}\n")

    def configure(self, text: str) -> Path:
        """Write a configuration; its state directory is in this host."""
        file = self.root / "backstride.toml"
        file.write_text(f'[service]\nstate_directory = "{self.root}/state"\n{text}')
        return file


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "host"
    for name in ("bin", "dev", "rfkill", "state"):
        (root / name).mkdir(parents=True)
    (root / "synchronized").touch()
    place = Place(
        rfkill=root / "rfkill",
        devices=root / "dev",
        credentials=root / "credstore",
        state=root / "state",
        mark=root / "synchronized",
        bus=f"unix:path={root}/no-bus",
        path=str(root / "bin"),
        environ={},
    )
    return Host(root, place)
