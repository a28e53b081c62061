"""The broker asks for a password; it dies, freezes and comes back while somebody walks."""

import pytest
import pytest_asyncio

from tools.vm.deployment import write
from tools.vm.home import CONFIG, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


LOCKED = """\
per_listener_settings true
listener 1883 localhost
allow_anonymous true
listener 1884 localhost
allow_anonymous false
password_file /etc/mosquitto/passwd
"""
PASSWORD = "right horse"
SETUP_S = 120


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(home):
    """mosquitto with a second door, which asks for a password; ours is in a file that root has."""
    run = home.guest.run
    await run(
        f"umask 077; cp -p {CONFIG} {CONFIG}.before; echo '{PASSWORD}' > /root/password;"
        f" mosquitto_passwd -b -c /etc/mosquitto/passwd backstride '{PASSWORD}';"
        " chown mosquitto: /etc/mosquitto/passwd"
    )
    await write(home, "/etc/mosquitto/conf.d/guarded.conf", LOCKED)
    await run("systemctl restart mosquitto")
    yield
    await run(
        f"mv {CONFIG}.before {CONFIG}; rm /etc/mosquitto/conf.d/guarded.conf /etc/credstore/*;"
        " systemctl restart mosquitto backstride"
    )
    home.topics.clear()


@pytest.mark.hazard("H27")
async def test_setup_gives_a_password_to_systemd_and_systemd_to_the_service_alone(
    home, belt, guarded, row
):
    run = home.guest.run
    said = await run(
        "backstride setup --yes --broker localhost:1884 --user backstride"
        " --password-file /root/password || true",
        timeout=SETUP_S,
    )
    assert "localhost:1884 lets us in as 'backstride'" in said
    home.topics.clear()
    await run("systemctl restart backstride")
    await home.walk(belt)
    stopped = belt.now
    await home.command(belt, "stop")
    seconds = await belt.rest(stopped)
    assert "u'backstride'" in await run("cat /var/log/mosquitto/mosquitto.log")
    (kept,) = (await run("stat -c '%U %a %n' /etc/credstore/*")).splitlines()
    assert kept == "root 600 /etc/credstore/backstride.mqtt-password"
    assert (
        "absent"
        == (
            await run(f"grep -rqs '{PASSWORD}' /etc/backstride /var/lib/backstride || echo absent")
        ).strip()
    )
    row(f"walked behind a password; stop to standstill {seconds:.1f} s")


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
