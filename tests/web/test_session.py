"""A session from the page: chosen, armed, confirmed, followed, steered, stopped."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from backstride.domain.session import Phase
from backstride.virtual.log import STOP, Op

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def until(condition, within=20.0):
    """Wait for something in the daemon's thread, which has no way to tell this loop."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  see above
            await asyncio.sleep(0.02)


@pytest.mark.hazard("H26")
async def test_a_session_is_chosen_armed_confirmed_and_stopped_from_a_phone(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.arm("demo")
    # It says what will happen, and nothing has moved.
    statement = await walker.text("statement")
    assert re.search(r"2[.,]0", statement), statement
    assert gym.machine("home").log.starts == []
    await expect(walker.find("confirm")).to_be_disabled()
    await walker.confirm()
    await walker.phase("running")
    assert len(gym.machine("home").log.starts) == 1
    await until(lambda: gym.machine("home").drive.belt.value > 0)
    await walker.press("stop")
    await walker.phase("finished")
    log = gym.machine("home").log
    moves = [write for write in log.writes if write.opcode != Op.REQUEST_CONTROL]
    assert (0, STOP) == (gym.machine("home").drive.belt.value, moves[-1].data)
    await walker.sees("summary")


@pytest.mark.hazard("H01")
async def test_a_short_press_confirms_nothing(open_gym, visit):
    gym = await open_gym(pace=2)
    walker = await visit(gym.url)
    await walker.arm("demo")
    for check in ("check-clip", "check-rails", "check-facing", "check-clear"):
        await walker.find(check).check()
    await walker.find("confirm").click(delay=300)
    await expect(walker.find("treadmill")).to_have_attribute("data-phase", "armed")
    assert (Phase.ARMED, []) == (gym.phase("home"), gym.machine("home").log.starts)


async def test_what_the_page_shows_is_what_the_state_says(open_gym, visit, tap):
    gym = await open_gym()
    wire = await tap(gym)
    walker = await visit(gym.url)
    await walker.walk("demo")
    gym.pace(20)
    await until(lambda: gym.controller("home").session.drive.target >= 100)
    for _ in range(3):
        async with gym.frozen():
            state = wire.newest("backstride/home/state")
            for name, value in (
                ("speed", state["speed"]["measured"]),
                ("setpoint", state["speed"]["setpoint"]),
                ("cap", state["speed"]["cap"]),
                ("incline", state["incline"]["measured"]),
            ):
                if value is not None:
                    await expect(walker.find(name).first).to_have_attribute(
                        "data-value", re.compile(rf"^{value:g}(\.0*)?$")
                    )
            await walker.reads("step", f"step {state['step']['index']} of {state['step']['count']}")
        await wire.until(lambda: wire.newest("backstride/home/state")["seq"] > state["seq"] + 5)  # noqa: B023


async def test_every_way_to_steer_works(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.walk("demo")
    gym.pace(12)
    await until(lambda: gym.machine("home").drive.belt.value >= 130)
    gym.pace(1)
    step = gym.state("home").step.index
    await walker.press("slower")
    await walker.sees("message", reply="ok")
    await walker.press("faster")
    await walker.press("speed-open")
    await walker.press("speed-less")
    wished = round(100 * await walker.value("speed-value"))
    await walker.press("speed-set")
    await until(lambda: gym.controller("home").session.drive.target == wished)
    gym.pace(12)
    await walker.press("pause")
    await walker.phase("holding")
    await until(lambda: gym.machine("home").drive.belt.value == 0)
    gym.pace(4)
    await walker.sees("continue")
    await walker.hold("continue", until="countdown|starting|running")
    await walker.phase("running")
    gym.pace(12)
    await walker.press("skip")
    await walker.phase("turning")
    await until(lambda: gym.machine("home").drive.belt.value == 0)
    await walker.hold("confirm", until="countdown|starting|running")
    await walker.phase("running")
    assert gym.state("home").step.index > step
    await walker.press("finish")
    gym.pace(20)
    await walker.phase("finished", "turning", "slowing")


@pytest.mark.hazard("H24")
async def test_stop_is_repeated_until_the_phase_confirms_it(open_gym, visit, tap):
    gym = await open_gym()
    wire = await tap(gym, "backstride/+/command")
    walker = await visit(gym.url)
    await walker.walk("demo")
    async with gym.frozen():
        await walker.press("stop")
        stops = await wire.until(
            lambda: (sent := wire.commands("stop")) and len(sent) >= 3 and sent
        )
        await expect(walker.find("stop")).to_have_attribute(
            "data-state", re.compile("sending|waiting")
        )
    await walker.phase("finished", "stopping")
    await expect(walker.find("stop")).to_have_attribute("data-state", re.compile("done|idle"))
    assert len({note["id"] for note in stops}) == 1
    await until(lambda: gym.machine("home").drive.belt.value == 0)
