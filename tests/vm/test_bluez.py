"""What can happen to Bluetooth on the host while the belt moves: it rests, the daemon lives on."""

import asyncio

import pytest
import pytest_asyncio

from tools.vm.deployment import treadmills
from tools.vm.home import Belt, until
from tools.vm.phone import calling

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

AWAY_S = 6.0
"""How long an adapter is gone: longer than it takes to notice."""
TOGETHER_S = 10.0


async def fare(home, walking, harm, mend=None):
    """Do harm to a walk; the seconds to the belt's rest, from the moment at which it can be reached again."""
    lives, since = await home.unit("NRestarts"), walking.now
    await home.guest.run(harm)
    if mend is not None:
        await until(lambda: not walking.is_held, 60, "the loss of the link")
        await asyncio.sleep(AWAY_S)
        assert walking.speed, "FTMS has no way to stop a belt that nobody can reach"
        assert home.state(walking)["alarm"], "nobody was told"
        since = walking.now
        await home.guest.run(mend)
    seconds = await walking.rest(since)
    assert lives == await home.unit("NRestarts")
    assert [] == walking.machine.log.moving_starts()
    await home.until_phase(walking, "faulted", "finished", "idle")
    await home.settle(walking)
    return f"belt at 0 {seconds:.1f} s after {'its radio came back' if mend else 'it'}"


@pytest.mark.hazard("H09")
async def test_bluetoothd_is_restarted(home, walking, row):
    row(await fare(home, walking, "systemctl restart bluetooth"))


@pytest.mark.hazard("H09")
async def test_bluetoothd_is_killed(home, walking, row):
    row(await fare(home, walking, "systemctl kill -s KILL bluetooth"))


@pytest.mark.hazard("H09")
async def test_bluetoothd_hangs_for_a_while(home, walking, row):
    lives, hung = await home.unit("NRestarts"), walking.now
    await home.guest.run("systemctl kill -s STOP bluetooth")
    try:
        await home.until_phase(walking, "stopping", "faulted")
        told = (walking.now - hung) / 1000
        await asyncio.sleep(AWAY_S)
        assert walking.speed
    finally:
        await home.guest.run("systemctl kill -s CONT bluetooth")
    back = walking.now
    seconds = await walking.rest(back)
    assert lives == await home.unit("NRestarts")
    await home.settle(walking)
    row(f"Stop wanted after {told:.1f} s; belt at 0 {seconds:.1f} s after it went on")


@pytest.mark.hazard("H09")
async def test_an_adapter_that_is_switched_off_is_switched_on_for_the_stop(home, walking, row):
    row(await fare(home, walking, "bluetoothctl power off"))


@pytest.mark.hazard("H09")
async def test_the_adapter_is_unplugged_and_plugged_in(home, walking, row):
    row(await fare(home, walking, "systemctl stop vm-radio", "systemctl start vm-radio"))


@pytest.mark.hazard("H09")
async def test_the_adapter_is_blocked_and_unblocked(home, walking, row):
    row(await fare(home, walking, "rfkill block bluetooth", "rfkill unblock bluetooth"))


@pytest_asyncio.fixture(loop_scope="session")
async def locked(home):
    """A treadmill whose control point wants an encrypted link, with a key that nobody has yet."""
    home.belts["locked"] = await Belt.switch_on(home.air, "locked", encrypted=True)
    async with treadmills(home, "treadmill", "locked") as belts:
        yield belts[1]
    await home.guest.run(f"bluetoothctl remove {belts[1].machine.address}")


@pytest.mark.hazard("H09")
async def test_a_treadmill_that_demands_encryption_is_paired_by_nobody_and_again_when_it_forgot(
    home, locked, row
):
    first = await stroll(home, locked)
    address = locked.machine.address
    assert "Paired: yes" in await home.guest.run(f"bluetoothctl info {address}")
    await locked.forget_keys()
    await locked.peripheral.set_in_range(in_range=False)
    await locked.peripheral.set_in_range(in_range=True)
    second = await stroll(home, locked)
    steps = await home.guest.run("backstride doctor || true", timeout=120)
    assert "the machine demands an encrypted connection" in steps, steps
    row(f"walked on {first:.1f} s after it was wanted, {second:.1f} s after its keys were lost")


async def stroll(home, belt):
    """Walk, stop and leave; the seconds from now until somebody walked."""
    wanted = belt.now
    await home.walk(belt)
    walked = belt.now
    await home.command(belt, "stop")
    await belt.rest(walked)
    await home.settle(belt)
    return (walked - wanted) / 1000


@pytest_asyncio.fixture(loop_scope="session")
async def popular(home, belt):
    """A treadmill that takes two connections at once."""
    await belt.admit(2)
    await home.walk(belt)
    yield belt
    await belt.admit(1)
    await home.settle(belt)


@pytest.mark.hazard("H18")
async def test_a_second_central_that_takes_the_belt_keeps_it(home, popular, row):
    async with calling(home.air, popular.machine.address) as phone:
        await phone.request_control()
        await home.until_phase(popular, "handed_over")
        ours = len(popular.machine.log.writes)
        await asyncio.sleep(TOGETHER_S)
        writes = popular.machine.log.writes[ours:]
        assert [] == [write for write in writes if write.data[:1] != b"\x08"]
        assert popular.speed
        await phone.stop()
        await until(lambda: popular.speed == 0, 60, popular)
    row(f"handed over; nothing of ours for {TOGETHER_S:.0f} s; the phone stopped the belt")
