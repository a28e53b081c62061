"""The page when things go wrong: a broker that is gone, lies and junk on the wire, a refusal."""

from __future__ import annotations

import asyncio
import json
import re
import time

import pytest
from playwright.async_api import expect

from backstride.domain.session import Phase
from backstride.virtual.log import STOP

pytestmark = pytest.mark.asyncio(loop_scope="session")

STALE = {"timeout": 15_000}
EVIL = "<img src=x onerror=\"window.evil='yes'\"><script>window.evil='yes'</script>"


@pytest.mark.hazard("H12")
async def test_without_a_broker_the_page_says_so_and_heals(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.walk("demo")
    gym.pace(1)
    await gym.broker.kill()
    await expect(walker.find("treadmill")).to_have_attribute("data-stale", "true", **STALE)
    await walker.sees("stale")
    await walker.sees("connection", state="lost")
    await expect(walker.find("stop").first).to_be_enabled()
    await gym.broker.start()
    await expect(walker.find("treadmill")).to_have_attribute("data-stale", "false", **STALE)
    await expect(walker.find("stale")).to_be_hidden()
    await walker.phase("running")


@pytest.mark.hazard("H12")
async def test_a_stop_that_finds_no_broker_is_told_and_sent_as_soon_as_there_is_one(
    open_gym, visit
):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.walk("demo")
    gym.pace(1)
    await gym.broker.kill()
    await walker.sees("connection", state="lost")
    await walker.press("stop")
    await walker.sees("stop-note")
    await expect(walker.find("stop")).to_have_attribute("data-state", re.compile("sending|waiting"))
    assert gym.phase("home") is not Phase.FINISHED
    await gym.broker.start()
    await walker.phase("stopping", "finished")
    async with asyncio.timeout(20):
        while gym.machine("home").drive.belt.value:  # noqa: ASYNC110  another thread's
            await asyncio.sleep(0.05)
    assert gym.machine("home").log.writes[-1].data == STOP


@pytest.mark.hazard("H09")
async def test_a_lost_treadmill_alarms_until_somebody_has_looked(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.walk("demo")
    gym.lose_link("home", lasting=20_000)
    await walker.reads("alarm", "the connection to the treadmill is lost")
    await walker.phase("faulted")
    await walker.sees("acknowledge")
    gym.pace(20)
    async with asyncio.timeout(20):
        # It is back, and its rest is proven.
        while gym.controller("home").session.owed:  # noqa: ASYNC110  another thread's
            await asyncio.sleep(0.05)
    await walker.press("acknowledge")
    await walker.phase("idle")
    await expect(walker.find("alarm")).to_be_hidden()


async def test_why_a_program_cannot_be_walked_is_told(open_gym, visit):
    gym = await open_gym({"home": "citysports"})
    walker = await visit(gym.url)
    await walker.choose("hill")
    await walker.reads("program-refusal", "5.0 % is above 0.0 % (machine")
    await expect(walker.find("arm")).to_be_disabled()


async def test_a_refusal_is_told_in_the_daemons_words(open_gym, visit, tap):
    gym = await open_gym()
    wire = await tap(gym)
    walker = await visit(gym.url)
    await walker.walk("demo")
    async with gym.frozen():
        # What the page does not know yet: somebody else stopped while it asked.
        await wire.say("backstride/home/command/stop", "")
        await walker.press("skip")
    await expect(walker.find("message")).to_have_attribute("data-reply", "refused", timeout=10_000)
    refusal = await wire.until(
        lambda: next(
            (
                json.loads(payload)
                for topic, payload in wire.heard
                if topic.endswith("/response") and b"refused" in payload
            ),
            None,
        )
    )
    await walker.reads("message", refusal["sentence"])


JUNK = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"\xff\xfe\x00",
    b"{",
    b'{"v":1}',
    b'{"v":99,"phase":"flying","speed":7,"step":"x","holding":null,"boot":3}',
    b'{"v":1,"phase":"running","speed":{"measured":"fast"},"time":"never","seq":"x","boot":"b"}',
    b'{"v":1,"phase":{"toString":1},"speed":null,"step":[],"next":7,"cue":"x","alarm":true}',
    b'{"v":1,"programs":[null,{"id":7},{"id":"x","steps":[{"seconds":"x"}]}]}',
    b'{"__proto__":{"phase":"running"},"constructor":null}',
    b"[" * 5_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    b"x" * 200_000,
]
TOPICS = ("state", "info", "programs", "connection", "availability", "session")


async def test_junk_on_the_topics_does_not_break_the_page(open_gym, visit, tap):
    gym = await open_gym()
    wire = await tap(gym, "backstride/home/state")
    for number, payload in enumerate(JUNK):
        # Retained, on treadmills that do not exist, and on topics that nobody knows.
        for topic in TOPICS:
            await wire.say(f"backstride/ghost-{number}/{topic}", payload, retain=True)
        await wire.say(f"backstride/home/{number}/x", payload, retain=True)
    walker = await visit(f"{gym.url}#/t/home")
    await walker.walk("demo")
    for payload in JUNK:
        for topic in (*TOPICS, "event", "cue", "response"):
            await wire.say(f"backstride/home/{topic}", payload)
    seq = wire.newest("backstride/ghost/state")
    assert seq is None
    await walker.sees("treadmill", phase="running")
    await walker.press("stop")
    await walker.phase("stopping", "finished")
    async with asyncio.timeout(20):
        while gym.phase("home") is not Phase.FINISHED:  # noqa: ASYNC110  another thread's
            await asyncio.sleep(0.05)


async def test_no_name_on_the_wire_becomes_markup(open_gym, visit, tap):
    gym = await open_gym()
    wire = await tap(gym)
    walker = await visit(f"{gym.url}#/t/home")
    await walker.sees("arm")
    real = await wire.until(lambda: wire.newest("backstride/home/programs"))
    state = await wire.until(lambda: wire.newest("backstride/home/state"))
    info = await wire.until(lambda: wire.newest("backstride/home/info"))
    for program in real["programs"]:
        program |= {"name": EVIL, "goal": EVIL, "refusal": EVIL}
        for step in program.get("steps", []):
            step |= {"name": EVIL, "cue": EVIL}
    forged = {
        **state,
        "seq": state["seq"] + 1_000,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "sentence": EVIL,
        "program_name": EVIL,
        "machine": EVIL,
        "alarm": {"cause": EVIL, "sentence": EVIL, "latched": True},
    }
    await wire.say("backstride/home/programs", json.dumps(real))
    await wire.say("backstride/home/info", json.dumps({**info, "version": EVIL}))
    await wire.say("backstride/home/cue", json.dumps({"v": 1, "number": 9, "text": EVIL}))
    async with gym.frozen():
        await wire.say("backstride/home/state", json.dumps(forged))
        await wire.say(f"backstride/{EVIL.replace('/', '')}/availability", "online")
        await walker.reads("alarm", "<img src=x")
        await walker.reads("program-name", "<img src=x")
    await walker.page.goto(f"{gym.url}#/gym")
    await walker.sees("gym")
    assert await walker.page.evaluate("window.evil") is None
    assert await walker.page.locator("img[src=x]").count() == 0
