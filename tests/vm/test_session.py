"""A complete session over MQTT, and what the installed service is: examined by its doctor and by systemd."""

import json

import pytest

from tools.vm.home import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


async def test_a_complete_session_is_walked_over_mqtt(home, belt, row):
    began = belt.now
    first = len(belt.machine.log.writes)
    await home.walk(belt, "short")
    for _turn in range(2):
        await home.until_phase(belt, "turning")
        await until(
            lambda: belt.speed == 0 and home.state(belt)["speed"]["measured"] == 0, 60, belt
        )
        while await home.command(belt, "confirm") != "countdown":
            assert 0 == belt.speed
        await home.press_when_asked(belt)
    await home.until_phase(belt, "finished", within=120)
    assert 0 == belt.speed
    writes = belt.machine.log.writes[first:]
    assert 120 == max(write.speed_target for write in writes if write.opcode == 2)
    summary = home.topics["treadmill/session"]
    assert "short" == summary["program"]
    row(
        f"{(belt.now - began) / 1000:.0f} s from arming to the end; {len(writes)} commands to the belt"
    )


async def test_the_doctor_finds_nothing_wrong_on_the_real_system(home, belt, row):
    said = json.loads(await home.guest.run("backstride doctor --json || true", timeout=120))
    problems = [one["what"] for one in said["findings"] if one["level"] == "problem"]
    assert [] == problems
    row(f"{len(said['findings'])} findings, {said['counts']['note']} notes")


async def test_the_doctor_names_a_blocked_radio_and_a_dead_bluez(home, belt, row):
    await home.settle(belt)
    await home.guest.run("rfkill block bluetooth")
    blocked = await home.guest.run("backstride doctor", check=False, timeout=120)
    await home.guest.run("rfkill unblock bluetooth; systemctl mask --runtime --now bluetooth")
    dead = await home.guest.run("backstride doctor", check=False, timeout=120)
    await home.guest.run("systemctl unmask --runtime bluetooth; systemctl start bluetooth")
    assert "rfkill unblock bluetooth" in blocked
    assert "systemctl" in dead
    await home.settle(belt)
    row("both, each with its remedy")


@pytest.mark.parametrize("unit", ["backstride", "backstride-dashboard"])
async def test_the_installed_unit_is_exposed_no_more_than_allowed(home, row, unit):
    said = await home.guest.run(
        f"set -o pipefail; systemd-analyze security --threshold=13 --no-pager {unit}.service | tail -1"
    )
    row(said.strip().lstrip("\u2192 ").strip())
    assert "OK" in said


async def test_the_daemon_listens_on_no_socket(home, row):
    pid = await home.unit("MainPID")
    said = await home.guest.run(f"ss -lntupx | grep 'pid={pid},' || true")
    assert "" == said.strip()
    row("ss shows none")


async def test_a_daemon_for_one_treadmill_and_the_one_for_all_replace_each_other(home, belt, row):
    took = []
    for unit, other in (
        ("backstride@treadmill", "backstride"),
        ("backstride", "backstride@treadmill"),
    ):
        began = belt.now
        await home.guest.run(f"systemctl start {unit}")
        assert "active" == await home.unit("ActiveState", unit)
        assert "inactive" == await home.unit("ActiveState", other)
        await home.settle(belt)
        took.append((belt.now - began) / 1000)
    row(f"ready after {took[0]:.0f} s and {took[1]:.0f} s")


async def test_the_rule_for_udev_is_one_that_udev_understands(home):
    said = await home.guest.run("udevadm verify /usr/share/doc/backstride/examples/*.rules")
    assert "Success: 1" in said
