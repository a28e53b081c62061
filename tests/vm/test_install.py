"""From a package to the first session, with nothing but what README says."""

import pytest

from tools.vm.home import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]


@pytest.mark.hazard("H26")
async def test_a_fresh_install_leads_to_a_first_session_with_the_commands_of_the_readme(
    home, belt, row
):
    began = belt.now
    await home.settle(belt)
    assert "armed" == await home.command(belt, "start", "first-steps")
    assert 0 == belt.speed
    assert "countdown" == await home.command(belt, "confirm")
    await home.press_when_asked(belt)
    await until(lambda: home.state(belt)["speed"]["measured"], 30)
    stopped = belt.now
    await home.command(belt, "stop")
    seconds = await belt.rest(stopped)
    await home.until_phase(belt, "finished", "idle")
    assert [] == belt.machine.log.moving_starts()
    row(f"daemon to belt {(stopped - began) / 1000:.0f} s, stop to standstill {seconds:.1f} s")
