"""SIGKILL, a loop that hangs, a second daemon: what the next life owes to a belt that was left moving."""

import asyncio
import json
import os
import statistics

import pytest
import pytest_asyncio

from tools.vm.deployment import treadmills, write
from tools.vm.home import CONFIG, tell_seed, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

KILLS = 10
NAMES = ("treadmill", "hall", "attic", "cellar", "garden")
"""Five belts at once, each at a moment of its own: 10 kills are 50 moments, and each next life has five."""
LATEST_S = 8.0
"""After the first belt moves: the kill falls into starting, ramping and steady walking."""
BAR_S = 60.0
DEAF_S = 30
"""The rescue has as much."""
DROP_IN = "/etc/systemd/system/backstride.service.d/deaf.conf"


@pytest_asyncio.fixture(loop_scope="session")
async def five(home):
    """Five treadmills in the care of one daemon."""
    async with treadmills(home, *NAMES) as belts:
        yield belts


@pytest.mark.hazard("H10")
@pytest.mark.timeout(1800)
async def test_fifty_belts_stand_again_after_their_daemon_was_killed(home, five, kept, row):
    chance = tell_seed(os.environ.get("BACKSTRIDE_VM_SEED"))
    seconds, lives, held = [], [], 0
    for _ in range(KILLS):
        await asyncio.gather(*(home.settle(belt) for belt in five))
        await asyncio.gather(*(walk_later(home, belt, chance.uniform(0, 3)) for belt in five))
        await asyncio.sleep(chance.uniform(0, LATEST_S))
        assert all(belt.speed for belt in five)
        killed = five[0].now
        await home.guest.run("systemctl kill -s KILL --kill-whom=main backstride")
        held += sum(belt.is_held for belt in five)
        seconds += await asyncio.gather(*(belt.rest(killed, BAR_S) for belt in five))
        lives.append(await home.life(five[0], killed))
    assert all([] == belt.machine.log.moving_starts() for belt in five)
    assert 0 < held, "BlueZ never kept a link: that trap was not tried"
    (kept / "kills.json").write_text(json.dumps(sorted(seconds)))
    p50, p99 = (
        statistics.median(seconds),
        statistics.quantiles(seconds, n=100, method="inclusive")[98],
    )
    row(
        f"{len(seconds)} moving belts, {held} with their link kept by BlueZ:"
        f" p50 {p50:.1f} s, p99 {p99:.1f} s, longest {max(seconds):.1f} s;"
        f" the next life after {statistics.median(lives):.1f} s (p50)"
    )


async def walk_later(home, belt, delay):
    await asyncio.sleep(delay)
    await home.walk(belt)


@pytest.mark.hazard("H10")
async def test_a_killed_daemon_finds_its_treadmill_although_bluez_keeps_the_link(
    home, walking, row
):
    killed = walking.now
    await home.guest.run("systemctl kill -s KILL --kill-whom=main backstride")
    assert walking.is_held
    assert None is walking.rested_at(killed)
    seconds = await walking.rest(killed)
    life = await home.life(walking, killed)
    row(f"belt at 0 after {seconds:.1f} s; the next life was there after {life:.1f} s")


@pytest.mark.hazard("H09", "H10")
async def test_a_killed_daemon_switches_the_adapter_on_again_for_its_belt(home, walking, row):
    killed = walking.now
    await home.guest.run(
        "systemctl kill -s KILL --kill-whom=main backstride; bluetoothctl power off"
    )
    row(f"belt at 0 after {await walking.rest(killed):.1f} s")


@pytest.mark.hazard("H10")
async def test_a_configuration_that_broke_meanwhile_keeps_no_belt_from_being_stopped(
    home, walking, row
):
    await home.guest.run(f"cp {CONFIG} /root/whole.toml; echo '[[treadmill' >>{CONFIG}")
    killed = walking.now
    try:
        await home.guest.run("systemctl kill -s KILL --kill-whom=main backstride")
        seconds = await walking.rest(killed)
        said = await home.guest.run("journalctl -u backstride --since '-1min' -o cat")
    finally:
        mended = walking.now
        await home.guest.run(f"cp /root/whole.toml {CONFIG}")
    assert f"{CONFIG}: is not TOML" in said
    life = await home.life(walking, mended)
    row(f"belt at 0 after {seconds:.1f} s; a life {life:.1f} s after it was mended")


@pytest.mark.hazard("H23")
async def test_the_watchdog_ends_a_daemon_that_hangs_and_the_next_life_stops_the_belt(
    home, walking, row
):
    hung = walking.now
    before = await home.unit("NRestarts")
    await home.guest.run("systemctl kill -s STOP --kill-whom=main backstride")
    seconds = await walking.rest(hung)
    assert int(before) < int(await home.unit("NRestarts"))
    assert "watchdog" in await home.guest.run("journalctl -u backstride --since '-3min' -o cat")
    row(f"belt at 0 after {seconds:.1f} s")


@pytest.mark.hazard("H18")
async def test_a_second_daemon_is_refused_and_the_first_goes_on(home, walking, row):
    said = await home.guest.run(
        "setpriv --reuid backstride --regid backstride --clear-groups"
        " env STATE_DIRECTORY=/var/lib/backstride backstride run; echo status $?",
        timeout=120,
    )
    assert "another backstride runs" in said
    assert "status 0" not in said
    assert "running" == home.phase(walking)
    stopped = walking.now
    await home.command(walking, "stop")
    row(f"refused; stop to standstill {await walking.rest(stopped):.1f} s")


@pytest.mark.hazard("H25")
async def test_stopping_the_service_brings_the_belt_down_in_a_controlled_way(home, walking, row):
    asked = walking.now
    try:
        await home.guest.run("systemctl stop backstride", timeout=90)
        assert 0 == walking.speed
        assert "success" == await home.unit("Result")
        seconds = await walking.rest(asked)
    finally:
        await home.guest.run("systemctl start backstride", timeout=90)
    await until(lambda: home.phase(walking), 60, "the daemon")
    row(f"belt at 0 after {seconds:.1f} s")


@pytest_asyncio.fixture(loop_scope="session")
async def deaf(home):
    """A daemon that is told to end by a signal that it does not hear, and killed when it does not."""
    lines = f"[Service]\nKillSignal=SIGURG\nTimeoutStopSec={DEAF_S}\n"
    await write(home, DROP_IN, lines)
    await home.guest.run("systemctl daemon-reload")
    yield
    await home.guest.run(
        f"rm -r $(dirname {DROP_IN}); systemctl daemon-reload; systemctl start backstride"
    )


@pytest.mark.hazard("H10")
async def test_where_no_next_life_comes_the_rescue_stops_the_belt(home, deaf, walking, row):
    asked = walking.now
    await home.guest.run("systemctl stop backstride", timeout=4 * DEAF_S)
    assert "timeout" == await home.unit("Result")
    seconds = await walking.rest(asked, within=1)
    row(f"belt at 0 {seconds - DEAF_S:.1f} s after SIGKILL")
