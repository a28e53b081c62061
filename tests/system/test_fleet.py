"""The fleet over a real broker with real daemons: what is seen of them, and Stop until the belts rest."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

from backstride.cli import fleet_stop
from backstride.cli.fleet_stop import Result
from backstride.cli.fleet_view import absorb, make_row
from backstride.cli.live import now_ms
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.mqtt.schema import Info
from backstride.mqtt.walltime import wall_now

IDS = ("mill-1", "mill-2")


def remote(gym):
    return Remote(RemoteSettings(host="127.0.0.1", port=gym.broker.port))


@pytest.fixture
def tell(make_gym, run_paced):
    """Run a story about a gym of two treadmills."""

    def tell(story):
        async def main():
            gym = make_gym(dict.fromkeys(IDS, "ideal"))
            await gym.broker.start()
            async with gym:
                return await story(gym)

        return run_paced(main())

    return tell


@pytest.mark.hazard("H12")
def test_stop_for_all_ends_when_every_phase_says_that_its_belt_rests(tell):
    async def story(gym):
        await gym.reach("mill-1", "running")
        async with remote(gym) as line:
            found = await fleet_stop.find_all(line)
            results = await fleet_stop.stop(line, found)
        return found, results, [gym.machine(name).drive.belt.value for name in IDS]

    found, results, belts = tell(story)

    assert {name: each.online for name, each in found.items()} == dict.fromkeys(IDS, True)
    assert {name: each.at_rest for name, each in results.items()} == dict.fromkeys(IDS, True)
    assert {each.phase for each in results.values()} <= {"idle", "finished"}
    assert belts == [0, 0]


@pytest.mark.hazard("H12", "H15")
def test_stop_is_not_confirmed_by_an_answer_while_the_belt_still_runs(tell):
    async def story(gym):
        await gym.reach("mill-1", "running")
        gym.pump("mill-1").act(lambda machine, now: machine.drop_clients(now))
        async with remote(gym) as line:
            results = await fleet_stop.stop(line, {"mill-1": Result(id="mill-1")}, 300)
        return results["mill-1"]

    result = tell(story)

    assert (result.at_rest, result.phase is None) == (False, False)
    assert "NOT CONFIRMED" in result.sentence
    assert "look at the belt" in result.sentence


@pytest.mark.hazard("H12")
def test_who_is_not_there_has_not_been_stopped(tell):
    async def story(gym):
        await gym.reach("mill-2", "idle")
        async with remote(gym) as line:
            wanted = {name: Result(id=name) for name in ("mill-2", "mill-9")}
            return await fleet_stop.stop(line, wanted, 15_000)

    results = tell(story)

    assert (results["mill-2"].at_rest, results["mill-9"].at_rest) == (True, False)
    assert "NO ANSWER" in results["mill-9"].sentence


def test_a_session_is_seen_in_the_table_with_its_host_and_no_walker(tell):
    async def story(gym):
        await gym.reach("mill-1", "running")
        mills = {}
        async with remote(gym) as line:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(20):
                    async for news in line.news():
                        absorb(mills, news, wall_now())
        return {name: make_row(mill, now_ms()) for name, mill in mills.items()}

    rows = tell(story)

    first = rows["mill-1"]
    assert (first.phase, first.program, first.link) == ("running", "Demo", True)
    assert first.speed > 0
    assert first.host
    assert first.version
    assert (rows["mill-2"].phase, rows["mill-2"].silent) == ("idle", False)


def test_info_names_the_version_of_the_health_payload(tell):
    async def story(gym):
        await gym.dashboard.until(lambda: "health" in gym.dashboard.latest["mill-1"])
        return gym.dashboard.latest["mill-1"]

    latest = tell(story)

    info = msgspec.convert(latest["info"], Info)
    assert info.schemas["health"] == latest["health"]["v"] == 1
