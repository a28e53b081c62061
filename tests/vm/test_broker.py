"""The broker dies, freezes and comes back while somebody walks."""

import pytest

from tools.vm.home import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@pytest.mark.hazard("H12")
async def test_a_broker_that_is_killed_and_comes_back_at_once_costs_no_more_than_a_hold(
    home, walking, row
):
    home.topics.clear()
    await home.guest.run("systemctl kill -s KILL mosquitto; systemctl start mosquitto")
    await home.until_phase(walking, "running", "holding")
    await home.until_phase(walking, "running")
    assert walking.speed
    stopped = walking.now
    await home.command(walking, "stop")
    row(f"it went on; stop to standstill {await walking.rest(stopped):.1f} s")


@pytest.mark.hazard("H12")
async def test_a_walk_ends_by_itself_when_the_broker_stays_away(home, walking, row):
    gone = walking.now
    await home.guest.run("systemctl stop mosquitto")
    try:
        seconds = await walking.rest(gone)
    finally:
        await home.guest.run("systemctl start mosquitto")
    await home.settle(walking)
    row(f"belt at 0 after {seconds:.1f} s")


@pytest.mark.hazard("H12")
async def test_a_walk_ends_by_itself_when_the_broker_freezes(home, walking, row):
    frozen = walking.now
    await home.guest.run("systemctl kill -s STOP mosquitto")
    try:
        seconds = await walking.rest(frozen, within=180)
    finally:
        await home.guest.run("systemctl kill -s CONT mosquitto")
    await home.settle(walking)
    row(f"belt at 0 after {seconds:.1f} s")


@pytest.mark.hazard("H12")
async def test_the_belt_is_stopped_on_its_host_while_the_broker_is_away(home, walking, row):
    await home.guest.run("systemctl stop mosquitto")
    try:
        asked = walking.now
        await home.guest.run("backstride stop", timeout=60)
        seconds = await walking.rest(asked)
    finally:
        await home.guest.run("systemctl start mosquitto")
    await until(lambda: home.phase(walking), 60, "the daemon")
    await home.settle(walking)
    row(f"`backstride stop` to standstill {seconds:.1f} s")
