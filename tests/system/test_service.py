"""Several treadmills in one daemon, the watchdog, and what a defect in one of them does to the others."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from backstride.domain.events import Tick
from backstride.mqtt.broker import free_port
from backstride.service.settings import Broker, Config, Service, Treadmill
from backstride.service.supervisor import DefectError, serve
from backstride.virtual.log import STOP


class BrokenError(Exception):
    """What a defect raises."""


@pytest.fixture
def notifications(tmp_path, monkeypatch):
    """What systemd would hear."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path)

        def hear():
            heard = []
            while True:
                try:
                    heard += listener.recv(4_096).decode().splitlines()
                except BlockingIOError:
                    return heard

        yield hear


@pytest.mark.hazard("H23")
def test_what_the_daemon_is_made_of_is_not_looked_through_again(tmp_path):
    frozen = []

    def started(service):
        service.built.append(lambda: frozen.append(gc.get_freeze_count()))
        service.built.append(service.end)

    config = Config(
        broker=Broker(port=free_port()),
        service=Service(state_directory=str(tmp_path)),
        treadmills=(Treadmill(id="left", name="left", virtual="ideal"),),
    )
    try:
        asyncio.run(serve(config, started=started))
    finally:
        gc.unfreeze()
    # The modules alone are more.
    assert frozen[0] > 10_000


def test_treadmills_of_one_daemon_share_nothing(make_gym, run_paced, judge):
    async def story():
        gym = make_gym({"left": "ideal", "right": "urevo-e1l", "rest": "ideal"})
        async with gym:
            left, right = gym.dashboard, gym.dashboard
            await gym.reach("left", "running")
            # A command for one is none for the other.
            assert (await right.send("right", "confirm"))["code"] == "nothing_to_confirm"
            await gym.reach("right", "running")
            await left.send("left", "stop")
            await left.phase("left", "finished", within=60)
            state = right.state("right")
            assert state["phase"] == "running"
            assert gym.machine("right").drive.belt.value > 0
            assert gym.machine("rest").log.starts == []
            await right.send("right", "stop")
            await right.phase("right", "finished", within=60)
            state = gym.directory / "state"
            homes = sorted(path.name for path in state.iterdir() if path.is_dir())
            assert ["left", "rest", "right"] == homes
            boots = {gym.dashboard.latest[name]["info"]["id"] for name in homes}
            assert set(homes) == boots
            return [judge(gym.machine(name), cap=200) for name in homes]

    assert [[], [], []] == run_paced(story())


@pytest.mark.hazard("H04")
def test_each_treadmill_has_its_own_limits(make_gym, run_paced):
    async def story():
        gym = make_gym({"adult": "ideal", "cautious": "ideal"})
        gym.limit("cautious", max_speed=120)
        async with gym:
            refused = await gym.dashboard.begin("cautious", "demo")
            granted = await gym.dashboard.begin("adult", "demo")
            return refused, granted

    refused, granted = run_paced(story())
    assert ("refused", "too_fast") == (refused["reply"], refused["code"])
    assert "configured for 'cautious'" in refused["sentence"]
    assert granted["reply"] == "ok"


@pytest.mark.hazard("H10")
def test_a_defect_in_one_session_brings_the_others_down_and_ends_the_process(
    make_gym, run_paced, notifications
):
    async def story():
        gym = make_gym({"broken": "ideal", "healthy": "ideal"})
        with pytest.raises(DefectError, match="a session failed inside"):  # noqa: PT012  it ends the gym
            async with gym:
                await gym.reach("broken", "running")
                await gym.reach("healthy", "running")
                await asyncio.sleep(20)
                counts = {name: len(gym.machine(name).log.writes) for name in ("broken", "healthy")}

                def observe(event, _):
                    if isinstance(event, Tick):
                        raise BrokenError

                gym.controller("broken").watchers.append(observe)
                await asyncio.wait({gym.task})
                await asyncio.sleep(10)
                written = {
                    name: gym.machine(name).log.writes[count:] for name, count in counts.items()
                }
                belts = [gym.machine(name).drive.belt.value for name in counts]
                outcome = written, belts, gym.controller("healthy").session
        return outcome

    written, belts, healthy = run_paced(story())
    assert [STOP] == [write.data for write in written["broken"]]
    *ramp, last = [write.data for write in written["healthy"]]
    assert STOP == last
    assert len(ramp) >= 1, "the healthy one ramps down"
    assert [0, 0] == belts
    assert (False, "shutdown") == (healthy.owed, healthy.ended_by)
    assert "STOPPING=1" in notifications()


@pytest.mark.hazard("H23", "H25")
def test_systemd_is_told_ready_alive_and_stopping(make_gym, run_paced, notifications, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")

    async def story():
        async with make_gym({"one": "ideal", "two": "ideal"}):
            ready = notifications()
            await asyncio.sleep(10.5)
            alive = notifications()
        return ready, alive, notifications()

    ready, alive, stopping = run_paced(story())
    assert "READY=1" in ready
    assert 9 <= alive.count("WATCHDOG=1") <= 11, "every half of the watchdog's time"
    assert "STOPPING=1" in stopping


@pytest.mark.hazard("H10", "H23")
def test_the_watchdog_starves_when_a_single_control_loop_stands_still(
    make_gym, run_paced, notifications, monkeypatch
):
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")

    async def story():
        async with make_gym({"one": "ideal", "two": "ideal"}) as gym:
            await asyncio.sleep(5)
            # What a loop that hangs looks like from outside: it ticks no more.
            gym.controller("two")._timer.cancel()
            await asyncio.sleep(3.5)
            notifications()
            await asyncio.sleep(10)
            return notifications()

    assert run_paced(story()).count("WATCHDOG=1") == 0


def test_a_service_that_ends_says_goodbye_on_every_topic(make_gym, run_paced):
    async def story():
        async with make_gym({"one": "ideal"}) as gym:
            await gym.dashboard.phase("one", "idle")
            assert gym.dashboard.latest["one"]["availability"] == b"online"
            await gym.close()
            await gym.dashboard.until(
                lambda: gym.dashboard.latest["one"]["availability"] == b"offline"
            )
            return gym.machine("one").clients

    assert run_paced(story()) == ()
