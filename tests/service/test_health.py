"""Health: what a host tells of itself, what counts as a fault, and when it is told."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.limits import SiteRules
from backstride.domain.session import Session
from backstride.mqtt.health import HostHealth, RadioHealth
from backstride.service.health import PERIOD, HealthWatch, Patient, find_faults
from backstride.service.health_host import HostReader
from backstride.service.simulation import walk
from backstride.service.timekeeping import is_synchronised

WELL = HostHealth(
    name="pi-3", uptime=9.0, clock_synchronised=True, temperature=51.0, throttled=False,
    memory_free=900, disk_free=20_000,
)  # fmt: skip
UP = RadioHealth(up=True, connections=1)


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def pi(tmp_path):
    """What a Raspberry Pi shows of itself to a sandboxed service: no /proc but for processes."""
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "bluetooth\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "30000\n")
    write(tmp_path, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    write(tmp_path, "sys/class/thermal/thermal_zone1/temp", "51234\n")
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    write(
        tmp_path,
        "sys/devices/system/node/node0/meminfo",
        "Node 0 MemTotal: 4000000 kB\nNode 0 MemFree: 200000 kB\n"
        "Node 0 Active(file): 500000 kB\nNode 0 Inactive(file): 300000 kB\n",
    )
    write(tmp_path, "proc/self/statm", "20000 8000 1 1 0 1 0\n")
    return tmp_path


def test_a_raspberry_pi_tells_what_it_can_without_most_of_proc(pi):
    host, memory = HostReader(pi, "pi-3", pi).read()

    assert (host.temperature, host.throttled, host.memory_free) == (51.234, True, 1024)
    assert (host.name, host.clock_synchronised, memory) == ("pi-3", is_synchronised(), 32)
    assert host.disk_free > 0


@pytest.mark.parametrize(
    ("flags", "throttled"), [("0x0", False), ("0x50000", False), ("0x4", True)]
)
def test_a_pi_that_was_throttled_once_is_not_throttled_now(pi, flags, throttled):
    write(pi, "sys/devices/platform/soc/soc:firmware/get_throttled", flags)

    assert HostReader(pi, "pi-3", pi).read()[0].throttled is throttled


def test_what_a_host_does_not_tell_is_null_and_never_zero(tmp_path):
    host, memory = HostReader(tmp_path / "gone", "x", tmp_path).read()

    assert (host.temperature, host.throttled, host.memory_free, host.disk_free) == (None,) * 4
    assert memory is None


def test_the_kernel_s_own_estimate_of_free_memory_is_used_where_it_can_be_read(pi):
    write(pi, "proc/meminfo", "MemTotal: 4000 kB\nMemFree: 1 kB\nMemAvailable: 1000000 kB\n")

    assert HostReader(pi, "x", pi).read()[0].memory_free == 1024


def test_versions_name_the_product_the_language_and_the_kernel():
    assert {"backstride", "python", "kernel"} <= HostReader(Path("/"), "x").versions().keys()


def test_a_host_that_is_well_has_no_faults():
    assert find_faults(WELL, UP, Session(site=SiteRules())) == {}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"clock_synchronised": False}, "clock"),
        ({"throttled": True}, "throttled"),
        ({"temperature": 80.0}, "hot"),
        ({"disk_free": 199}, "disk"),
        ({"memory_free": 49}, "memory"),
    ],
)
def test_each_trouble_of_a_host_has_a_code_of_its_own(change, code):
    assert list(find_faults(replace(WELL, **change), UP, Session(site=SiteRules()))) == [code]


def test_a_lost_link_and_a_latched_fault_are_told_in_their_own_words():
    session = Session(
        site=SiteRules(), fault=Finding(Action.STOP, Cause.LINK_LOST, "The link was lost.")
    )
    down = RadioHealth(up=False, connections=2, trouble="it was not heard")

    found = find_faults(WELL, down, session)

    assert found == {"session": "The link was lost.", "radio": "it was not heard"}


def told(bus):
    """Each health that was published, with its moment in s."""
    return [
        (at / 1_000, json.loads(each.payload))
        for each, at in zip(bus.published, bus.moments, strict=True)
        if each.topic == "health"
    ]


def watch(play, tmp_path):
    """Let health be told of the play's treadmill."""
    stage = play.stage
    controller = stage.controller
    ports = controller._ports
    watch = HealthWatch(tmp_path, "pi-3", ports.clock, ports.wall)
    controller.watchers.append(watch.follow())
    return asyncio.create_task(watch.run([Patient(controller, ports)]))


def test_health_is_told_when_something_changes_and_once_a_minute_else(stage_play, tmp_path):
    async def story(play):
        telling = watch(play, tmp_path)
        await walk(play.stage, play.program)
        await asyncio.sleep(5)
        over = play.stage.controller.session.now / 1_000
        await asyncio.sleep(4 * PERIOD / 1_000)
        telling.cancel()
        return over, told(play.stage.bus)

    over, heard = stage_play(story)
    after = [at for at, _ in heard if at > over]
    assert len(after) in {4, 5}
    assert heard[-1][1]["last_session"]["program"] == "demo"
    assert heard[-1][1]["last_session"]["outcome"]
    assert [h["radio"]["up"] for _, h in heard][-1] is True
    assert len(heard) < 20


@pytest.mark.hazard("H23")
def test_reading_a_host_costs_less_than_a_thousandth_of_a_core(tmp_path):
    reader = HostReader(tmp_path, "x")
    reader.read()
    began = time.process_time()
    for _ in range(10):
        reader.read()

    # Once a minute; a budget of 0.5 % of a core is for everything.
    assert (time.process_time() - began) / 10 < 0.060
