"""A real Home Assistant as a child: configured on the disk before it starts, used over its websocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import psutil
import websockets

FURNITURE = Path(__file__).parent / "furniture"
START_S = 240.0
WAIT_S = 60.0
SECRET = "only for this test"
USER = "0123456789abcdef0123456789abcdef"
TOKEN = "fedcba9876543210fedcba9876543210"
SINCE = "2026-01-01T00:00:00+00:00"


ODD_NAME = 'Tom\'s "5 %" }} walk # 2'
"""Of a program: what a template could trip over."""
FOREIGN = frozenset(
    {
        "aiohttp_fast_zlib",
        "haffmpeg.core",
        "haffmpeg.tools",
        "homeassistant.bootstrap",
        "homeassistant.components.camera.img_util",
        # These say that the broker is gone.
        "homeassistant.components.mqtt.client",
        "paho.mqtt.client",
        "homeassistant.helpers.frame",
        # Says what it refused a test.
        "homeassistant.components.websocket_api.http.connection",
        # Warns of every custom component, as the speaker is one.
        "homeassistant.loader",
    }
)
"""Loggers of parts of Home Assistant that miss something on this host, or tell of what a test did."""
ECHO = "No device components to cleanup"
"""When a device was removed, Home Assistant clears its topic once more and warns of what it hears then."""
_LINE = re.compile(r"\S+ \S+ (?:WARNING|ERROR|CRITICAL) \([^)]*\) \[([^]]+)\]")


class RefusedError(Exception):
    """Home Assistant refused what was asked over the websocket."""


def make_token():
    """A long-lived access token, signed with the key that stands in `.storage/auth`."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    claims = {"iss": TOKEN, "iat": int(time.time()), "exp": int(time.time()) + 86_400}
    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    signature = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def _auth():
    return {
        "users": [
            {
                "id": USER, "group_ids": ["system-admin"], "is_owner": True, "is_active": True,
                "name": "Test", "system_generated": False, "local_only": False,
            }
        ],
        "groups": [{"id": "system-admin", "name": "Administrators"}],
        "credentials": [],
        "refresh_tokens": [
            {
                "id": TOKEN, "user_id": USER, "client_id": None, "client_name": "test",
                "client_icon": None, "token_type": "long_lived_access_token", "created_at": SINCE,
                "access_token_expiration": 315_360_000.0, "token": TOKEN, "jwt_key": SECRET,
                "last_used_at": None, "last_used_ip": None, "expire_at": None,
                "credential_id": None, "version": "2025.4.4",
            }
        ],
    }  # fmt: skip


def _broker(port):
    entry = {
        "entry_id": "mqtt", "version": 1, "minor_version": 2, "domain": "mqtt", "title": "Broker",
        "data": {"broker": "127.0.0.1", "port": port}, "options": {"discovery": True},
        "pref_disable_new_entities": False, "pref_disable_polling": False, "source": "user",
        "unique_id": None, "disabled_by": None, "created_at": SINCE, "modified_at": SINCE,
        "discovery_keys": {}, "subentries": [],
    }  # fmt: skip
    return {"entries": [entry]}


class House:
    """Home Assistant in a directory of its own, at a broker on loopback.

    Attributes:
        states: of all entities, as they are now.
        events: (type, data) of everything that happened, in order.
    """

    def __init__(self, python, directory, *, port, broker_port):
        self.directory = directory
        self.port = port
        self._python = python
        self.states = {}
        self.events = []
        self._answers = {}
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()
        self._process = self._socket = self._reader = None
        self._read_lines = 0
        shutil.copytree(FURNITURE, directory, dirs_exist_ok=True)
        (directory / "automations.yaml").write_text("[]\n")
        self._store("auth", 1, 1, _auth())
        self._store(
            "onboarding", 4, 1, {"done": ["user", "core_config", "analytics", "integration"]}
        )
        self._store("core.config_entries", 1, 5, _broker(broker_port))

    def _store(self, name, version, minor, data):
        folder = self.directory / ".storage"
        folder.mkdir(exist_ok=True)
        document = {"version": version, "minor_version": minor, "key": name, "data": data}
        (folder / name).write_text(json.dumps(document))

    @property
    def log(self):
        """Every warning and error of the present life, as Home Assistant wrote them."""
        return (self.directory / "home-assistant.log").read_text()

    def complaints(self):
        """The warnings and errors that can be about us, each once."""
        lines = [line for line in self.log.splitlines() if _LINE.match(line)]
        new = lines[self._read_lines :]
        self._read_lines = len(lines)
        return [line for line in new if _LINE.match(line)[1] not in FOREIGN and ECHO not in line]

    # -- life ------------------------------------------------------------------------------------

    async def start(self):
        """Start it and return when it says that it is RUNNING; how long that took, in words."""
        before = time.monotonic()
        self._read_lines = 0
        self._process = await asyncio.create_subprocess_exec(
            self._python, "-m", "homeassistant", "--config", str(self.directory), "--skip-pip",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "HOUSE_PORT": str(self.port)},
        )  # fmt: skip
        async with asyncio.timeout(START_S):
            await self._connect()
            await self.until(lambda: self.fired("homeassistant_started") or self._running)
        spent = psutil.Process(self._process.pid).cpu_times()
        return f"{time.monotonic() - before:.1f} s, {spent.user + spent.system:.1f} s of CPU"

    async def _connect(self):
        while True:
            if self._process.returncode is not None:
                raise AssertionError(f"Home Assistant ended: {self.log}")
            with contextlib.suppress(OSError, websockets.WebSocketException):
                self._socket = await websockets.connect(
                    f"ws://127.0.0.1:{self.port}/api/websocket", max_size=None
                )
                break
            await asyncio.sleep(0.05)
        self.states, self.events, self._answers = {}, [], {}
        await self._socket.recv()
        await self._socket.send(json.dumps({"type": "auth", "access_token": make_token()}))
        answer = json.loads(await self._socket.recv())
        assert answer["type"] == "auth_ok", answer
        self._reader = asyncio.create_task(self._read())
        await self.ask("subscribe_events")
        self._running = (await self.ask("get_config"))["state"] == "RUNNING"
        for state in await self.ask("get_states"):
            self.states.setdefault(state["entity_id"], state)

    async def stop(self):
        """End it as its service manager would."""
        await self._end(signal.SIGTERM)

    async def _end(self, how):
        if self._process is None:
            return
        if self._socket is not None:
            # An open one would be waited for.
            await self._socket.close()
        if self._process.returncode is None:
            self._process.send_signal(how)
        try:
            async with asyncio.timeout(WAIT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait({self._reader})

    async def restart(self):
        await self.stop()
        return await self.start()

    # -- the websocket ---------------------------------------------------------------------------

    async def _read(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self._socket:
                note = json.loads(text)
                for each in note if isinstance(note, list) else [note]:
                    self._take(each)
                self._changed.set()

    def _take(self, note):
        if note["type"] == "result":
            self._answers[note["id"]] = note
        elif note["type"] == "event":
            event = note["event"]
            self.events.append((event["event_type"], event["data"]))
            if event["event_type"] == "state_changed":
                new = event["data"]["new_state"]
                if new is None:
                    self.states.pop(event["data"]["entity_id"], None)
                else:
                    self.states[new["entity_id"]] = new

    async def ask(self, kind, **more):
        """One request and its result."""
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "type": kind, **more}))
        await self.until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        if not answer["success"]:
            raise RefusedError(answer["error"]["message"])
        return answer["result"]

    async def until(self, condition, within=WAIT_S):
        """Wait until `condition()` is true; what it last returned."""
        try:
            async with asyncio.timeout(within):
                while not (found := condition()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            shown = {k: v["state"] for k, v in self.states.items() if "treadmill" in k}
            raise AssertionError(f"not within {within} s; {shown}") from None
        return found

    # -- what a person does and sees -------------------------------------------------------------

    async def call(self, service, entity=None, **data):
        """Call a service, as a card does."""
        domain, _, name = service.partition(".")
        target = {"entity_id": entity} if entity else {}
        return await self.ask(
            "call_service", domain=domain, service=name, service_data=data, target=target
        )

    async def press(self, name):
        await self.call("button.press", f"button.{name}")

    def state(self, entity):
        return self.states.get(entity, {}).get("state")

    def attribute(self, entity, name):
        return self.states.get(entity, {}).get("attributes", {}).get(name)

    async def reach(self, entity, *states, within=WAIT_S):
        """Wait until the entity has one of these states."""
        return await self.until(lambda: self.state(entity) in states, within)

    async def rest(self, treadmill):
        """Bring a treadmill to rest, whatever it does."""
        phase = f"sensor.{treadmill}"
        if self.state(phase) == "idle":
            return
        if self.state(phase) not in {"finished", "faulted"}:
            await self.press(f"{treadmill}_stop")
            await self.reach(phase, "finished", "faulted")
        await self.press(f"{treadmill}_acknowledge")
        await self.reach(phase, "idle")

    async def begin(self, treadmill, program):
        """Select, arm and confirm a program as a person does, and wait until the belt runs."""
        await self.call("select.select_option", f"select.{treadmill}_program", option=program)
        await self.reach(f"select.{treadmill}_program", program)
        await self.press(f"{treadmill}_start")
        await self.reach(f"sensor.{treadmill}", "armed")
        await self.press(f"{treadmill}_confirm")
        await self.reach(f"sensor.{treadmill}", "running")

    def fired(self, kind):
        return [data for found, data in self.events if found == kind]
