"""Everything around the measured processes: broker, radio process, and a listener that sees all messages."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiomqtt

from backstride.mqtt.broker import HOST, Mosquitto
from bench.peers import PATH, Kind, Peer
from bench.wire import Bus

_NODELAY: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_PATIENCE_S: Final = 60.0


class BenchError(Exception):
    """Something did not come in time; the measurement is void."""


class Field:
    """The broker, the radio and the listener. Times in ns of CLOCK_MONOTONIC."""

    def __init__(
        self, directory: Path, broker: Mosquitto, radio: Bus, mqtt: aiomqtt.Client
    ) -> None:
        self.directory = directory
        self.broker = broker
        self.radio = radio
        self.mqtt = mqtt
        self.machines = 0
        """How many are on the air."""
        self.states: dict[str, dict[str, Any]] = {}
        """The newest JSON of each topic."""
        self.first_seen: dict[str, int] = {}
        """When each topic was first heard of."""
        self.frames: dict[tuple[str, int], int] = {}
        """When a state topic first told the frame with this number."""
        self.writes: list[tuple[str, int, bytes]] = []
        self._changed = asyncio.Event()
        self._homes = 0
        self._commands = 0
        radio.events = self._on_radio

    def make_peer(self, kind: Kind, machines: dict[str, str]) -> Peer:
        """A process that was not started yet, with a directory of its own."""
        self._homes += 1
        return Peer(
            kind,
            machines,
            port=self.broker.port,
            radio=str(self.directory / "radio"),
            home=self.directory / f"{self._homes:03}-{kind}",
        )

    async def set_up(self, machines: dict[str, bool]) -> None:
        """Forget everything and put these machines (address, quick) on the air."""
        await self.radio.ask("set up", list(machines.items()))
        self.machines = len(machines)
        for topic in list(self.first_seen):
            await self.mqtt.publish(topic, None, retain=True)
        await self._settle()
        self.states.clear()
        self.first_seen.clear()
        self.frames.clear()
        self.writes.clear()

    async def _settle(self) -> None:
        """Wait until the broker has told us of everything that we sent before."""
        self.states.pop("bench/settled", None)
        await self.mqtt.publish("bench/settled", "{}")
        await self.wait(lambda: "bench/settled" in self.states, "the broker")

    async def command(self, peer: Peer, treadmill: str, name: str, **extra: Any) -> int:
        """Publish a command; return when it left."""
        self._commands += 1
        boot = self.states.get(peer.topic(treadmill, "info"), {}).get("boot")
        payload = peer.command(name, self._commands, boot, **extra)
        at = time.monotonic_ns()
        await self.mqtt.publish(peer.topic(treadmill, "command"), payload)
        return at

    async def wait(
        self, true: Callable[[], bool], what: str, patience_s: float = _PATIENCE_S
    ) -> None:
        """Return when it is true.

        Raises:
            BenchError: it did not become true in time.
        """
        try:
            async with asyncio.timeout(patience_s):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise BenchError(f"{what}: not within {patience_s:.0f} s") from None

    def _on_radio(self, event: tuple[Any, ...]) -> None:
        if event[0] == "wrote":
            self.writes.append((event[1], event[2], event[3]))
            self._changed.set()

    async def listen(self) -> None:
        """Take messages until cancelled."""
        async for message in self.mqtt.messages:
            at = time.monotonic_ns()
            topic = str(message.topic)
            payload = bytes(message.payload or b"")
            if not payload:
                continue
            self.first_seen.setdefault(topic, at)
            if payload[:1] == b"{":
                state = self.states[topic] = json.loads(payload)
                number = state.get("distance")
                if number is not None:
                    self.frames.setdefault((topic, int(number)), at)
            self._changed.set()


@asynccontextmanager
async def open_field(directory: Path) -> AsyncIterator[Field]:
    """Start broker and radio, and listen."""
    path = str(directory / "radio")
    radio = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.radio",
        path,
        env={**os.environ, "PYTHONPATH": PATH},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert radio.stdout is not None
        await radio.stdout.readline()
        async with (
            Mosquitto(directory) as broker,
            aiomqtt.Client(
                HOST, broker.port, socket_options=_NODELAY, max_queued_outgoing_messages=0
            ) as mqtt,
        ):
            for topic in (*(f"{kind}/#" for kind in Kind), "bench/#"):
                await mqtt.subscribe(topic)
            field = Field(directory, broker, Bus(path=path), mqtt)
            listening = asyncio.create_task(field.listen())
            try:
                yield field
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    finally:
        radio.terminate()
        await radio.wait()
