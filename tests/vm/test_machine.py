"""What a treadmill can do to its guide over a real stack: fall silent, not answer, drop the link."""

import pytest

from tools.vm.home import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@pytest.mark.hazard("H13")
async def test_muted_notifications_stop_the_belt(home, walking, row):
    muted = walking.now
    walking.fail("mute telemetry for 60 s")
    seconds = await walking.rest(muted)
    assert home.state(walking)["alarm"]
    walking.heal()
    await home.settle(walking)
    row(f"belt at 0 after {seconds:.1f} s")


@pytest.mark.hazard("H24")
async def test_a_control_point_that_never_answers_is_told_and_the_belt_stops_when_it_does_again(
    home, walking, row
):
    walking.fail("silent control point for 20 s")
    asked = walking.now
    await home.command(walking, "stop")
    await until(lambda: home.state(walking).get("alarm"), 60, "an alarm")
    told = (walking.now - asked) / 1000
    assert walking.speed
    seconds = await walking.rest(asked)
    assert 20 <= seconds
    await home.settle(walking)
    row(f"told after {told:.1f} s; belt at 0 {seconds - 20:.1f} s after it answered again")


@pytest.mark.hazard("H09")
async def test_a_link_that_is_lost_for_a_moment_ends_in_a_stop(home, walking, row):
    lost = walking.now
    walking.fail("disconnect for 4 s")
    seconds = await walking.rest(lost)
    assert [] == walking.machine.log.moving_starts()
    await home.settle(walking)
    row(f"belt at 0 {seconds - 4:.1f} s after it advertised again")
