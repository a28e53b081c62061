"""The computer itself: its disk is full, its clock jumps, it sleeps, somebody presses its reset button."""

import asyncio

import pytest
import pytest_asyncio

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

ASLEEP_S = 10
STATE = "/var/lib/backstride"
FILL = "fallocate -l $(df --output=avail -B1 /var/lib/backstride | tail -1) /var/lib/full"
"""What is left for everybody but root, whose reserve a daemon cannot use."""


@pytest.mark.hazard("H23")
async def test_a_full_disk_keeps_no_belt_from_being_stopped(home, walking, row):
    lives = await home.unit("NRestarts")
    await home.guest.run(FILL)
    try:
        full = await home.guest.run(
            "setpriv --reuid backstride --clear-groups"
            " dd if=/dev/zero of=/var/lib/backstride/x bs=1M count=1; true"
        )
        assert "No space left" in full
        await home.guest.run("rm -f /var/lib/backstride/x")
        asked = walking.now
        assert "stopping" == await home.command(walking, "stop")
        seconds = await walking.rest(asked)
        await home.settle(walking)
    finally:
        await home.guest.run("rm -f /var/lib/full")
    assert lives == await home.unit("NRestarts")
    row(f"stop to standstill {seconds:.1f} s")


@pytest_asyncio.fixture(loop_scope="session")
async def card(home, belt):
    """The daemon's state on a disk of its own."""
    await home.guest.run(
        f"systemctl stop backstride && cp -a {STATE} /root/state"
        f" && mount -t tmpfs -o size=64m tmpfs {STATE} && cp -aT /root/state {STATE}"
        " && systemctl start backstride"
    )
    yield STATE
    await home.guest.run(
        f"systemctl stop backstride; umount {STATE}; rm -r /root/state; systemctl start backstride"
    )


@pytest.mark.hazard("H10", "H23")
async def test_a_disk_that_turned_read_only_keeps_no_next_life_from_its_belt(home, belt, card, row):
    await home.settle(belt)
    await home.walk(belt)
    killed = belt.now
    await home.guest.run(
        "systemctl kill -s KILL --kill-whom=main backstride;"
        f" timeout 20 sh -c 'until mount -o remount,ro {card}; do sleep 0.1; done'"
    )
    try:
        seconds = await belt.rest(killed)
        life = await home.life(belt, killed)
    finally:
        await home.guest.run(f"mount -o remount,rw {card}")
    row(f"belt at 0 after {seconds:.1f} s; the next life was there after {life:.1f} s")


@pytest.mark.hazard("H22")
@pytest.mark.parametrize("step", ["5 hours", "-9 hours"])
async def test_a_clock_that_is_set_changes_no_walk(home, walking, row, step):
    await home.guest.run(f"date -s '{step}'")
    try:
        await asyncio.sleep(5)
        assert "running" == home.phase(walking)
        assert walking.speed
        assert 120 > home.state(walking)["script"]["elapsed"]
        asked = walking.now
        await home.command(walking, "stop")
        seconds = await walking.rest(asked)
    finally:
        await home.guest.run("hwclock --hctosys --utc")
    await home.settle(walking)
    row(f"it went on; stop to standstill {seconds:.1f} s")


@pytest.mark.hazard("H22")
async def test_a_computer_that_slept_never_speeds_the_belt_up_and_still_stops_it(
    home, walking, row
):
    # QEMU's stop: everything in the guest stands still, its clocks, too, and the belt outside runs on.
    # The guest's own suspend (rtcwake -m freeze) never wakes up under emulation.
    await home.guest.qmp.do("stop")
    await asyncio.sleep(ASLEEP_S)
    speed = walking.speed
    await home.guest.qmp.do("cont")
    asked = walking.now
    await home.command(walking, "stop")
    seconds = await walking.rest(asked)
    assert speed >= max(
        sample.speed for sample in walking.machine.log.samples if sample.at >= asked
    )
    await home.settle(walking)
    row(f"asleep for {ASLEEP_S} s; stop to standstill {seconds:.1f} s")


@pytest.mark.hazard("H11")
async def test_the_reset_button_leaves_a_belt_that_the_next_boot_stops(home, walking, row):
    # A belt that its console starts is claimed when it is seen moving, some tenths of a second later.
    await home.guest.run(f"until [ -e {STATE}/{walking.name}/owner.json ]; do sleep 0.1; done")
    pressed = walking.now
    await home.guest.reset()
    await asyncio.sleep(3)
    assert walking.speed, "the treadmill is not in the guest"
    booted = await home.guest.wait_for_ssh()
    seconds = await walking.rest(pressed, within=240)
    assert [] == walking.machine.log.moving_starts()
    await home.settle(walking)
    row(f"belt at 0 {seconds:.0f} s after the reset; ssh was there after {booted:.0f} s")
