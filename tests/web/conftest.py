"""A gym, a browser and the page between them. One browser a session, one context a test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiomqtt
import pytest
import pytest_asyncio
import structlog

HARNESS = Path(__file__).parent / "harness"
# Its files serve the pictures of README, too.
sys.path.append(str(HARNESS))

OWN = {"127.0.0.1"}
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture
def in_a_thread():
    """Runs what blocks without stopping the loop."""
    return asyncio.to_thread


@pytest.fixture
def _quiet():
    """The logs of a daemon whose alarms are provoked help nobody."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    logging.getLogger("bumble").setLevel(logging.CRITICAL)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser():
    from web_gym import find_chromium, open_browser

    if find_chromium() is None:
        pytest.fail("chromium is not here; install it with `apt-get install chromium`")
    async with open_browser() as browser:
        yield browser


class Witness:
    """What a browser did behind the page's back: asked others, failed, broke the page's policy."""

    def __init__(self):
        self.asked = []
        self.failures = []

    def watch(self, context):
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("weberror", lambda error: self.failures.append(str(error.error)))
        context.on("page", self._watch_page)
        context.on("console", self._listen)

    def _watch_page(self, page):
        page.on("websocket", lambda socket: self.asked.append(socket.url))

    def _listen(self, message):
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            self.failures.append(message.text)

    def strangers(self):
        urls = (urlsplit(url) for url in self.asked)
        return {url.netloc for url in urls if url.scheme != "data" and url.hostname not in OWN}


PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(loop_scope="session")
async def witness():
    return Witness()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser, witness):
    """Opens a page as a person with a phone does; nothing that a page does may ever fail unseen."""
    from web_walker import Walker

    async with contextlib.AsyncExitStack() as stack:

        async def visit(url, *, viewport=None, **options):
            context = await browser.new_context(
                viewport=viewport or PHONE, has_touch=True, locale="en-GB", **options
            )
            stack.push_async_callback(context.close)
            witness.watch(context)
            walker = Walker(await context.new_page())
            await walker.open(url)
            return walker

        yield visit
    assert ([], set()) == (witness.failures, witness.strangers())


@pytest_asyncio.fixture(loop_scope="session")
async def open_gym(tmp_path, _quiet):
    """Opens a gym, which closes with the test."""
    from web_gym import Gym

    async with contextlib.AsyncExitStack() as stack:

        async def open_gym(machines=None, **options):
            gym = Gym(tmp_path, machines or {"home": "ideal"}, **options)
            return await stack.enter_async_context(gym)

        yield open_gym


class Wire:
    """Somebody else at the gym's broker."""

    def __init__(self, client):
        self._client = client
        self.heard = []
        self._changed = asyncio.Event()

    async def listen(self):
        async for message in self._client.messages:
            self.heard.append((message.topic.value, message.payload))
            self._changed.set()

    async def until(self, condition, within=15.0):
        """Wait until `condition()` is true; what it returned."""
        async with asyncio.timeout(within):
            while not (found := condition()):
                self._changed.clear()
                await self._changed.wait()
        return found

    async def say(self, topic, payload, **options):
        await self._client.publish(topic, payload, qos=1, **options)

    def newest(self, topic):
        return next((json.loads(p) for t, p in reversed(self.heard) if t == topic), None)

    def commands(self, ask):
        """The JSON commands of a kind that were sent, in their order."""
        notes = [json.loads(p) for t, p in self.heard if t.endswith("/command")]
        return [note for note in notes if note["command"] == ask]


@pytest_asyncio.fixture(loop_scope="session")
async def tap():
    """Taps the wire at a gym's broker."""
    async with contextlib.AsyncExitStack() as stack:

        async def tap(gym, topics="backstride/#", **options):
            client = aiomqtt.Client("127.0.0.1", gym.broker.port, timeout=20, **options)
            await stack.enter_async_context(client)
            await client.subscribe(topics, qos=1)
            wire = Wire(client)
            task = asyncio.create_task(wire.listen())
            stack.push_async_callback(_end, task)
            return wire

        yield tap


async def _end(task):
    task.cancel()
    await asyncio.wait({task})


async def _complaints(walker):
    """What axe-core finds wrong, in a line each."""
    if not await walker.page.evaluate("'axe' in window"):
        # As a debugger does: the page's own policy lets no script in.
        await walker.page.evaluate(AXE.read_text() + ";0")
    result = await walker.page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [
        f"{each['id']}: {node['target']} {node['html'][:120]} {node['failureSummary']}"
        for each in result["violations"]
        for node in each["nodes"]
    ]


@pytest.fixture
def find_complaints():
    """Judges how usable a page is for everybody."""
    if not AXE.exists():
        pytest.fail("axe-core is not here; `tools/modules tests/web` brings it")
    return _complaints
