"""A full session on every machine through a whole Bluetooth stack and a real broker, started by MQTT."""

from __future__ import annotations

import asyncio

import pytest

from backstride.virtual.catalogue import list_machines

CAP = 200
GROUP = 4
"""Treadmills in one daemon; each has its own session all the same."""
NAMES = list_machines()
GROUPS = [NAMES[at : at + GROUP] for at in range(0, len(NAMES), GROUP)]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("names", GROUPS, ids="+".join)
def test_the_demo_runs_over_bluetooth_and_mqtt_on(  # noqa: PLR0917  fixtures are named
    names, make_gym, run_paced, judge, expect, matches, grace, record_property
):
    async def story():
        async with make_gym({name: name for name in names}) as gym:
            ended = await asyncio.gather(*(gym.dashboard.walk(name, "demo") for name in names))
            # A belt that was lost gets its Stop after the reconnection.
            await asyncio.sleep(15)
            return dict(zip(names, ended, strict=True)), {n: gym.machine(n) for n in names}

    ended, machines = run_paced(story())
    complaints = []
    for name, machine in machines.items():
        found = judge(
            machine,
            cap=CAP,
            grace=grace.get(name, 0),
            ours=ended[name].startswith(("finished: completed", "faulted")),
            at_rest=name != "horizon-74",
        )
        if not matches(expect(name, "demo"), ended[name]):
            found.append(f"ended {ended[name]}")
        complaints += [f"{name}: {sentence}" for sentence in found]
        log = machine.log
        record_property(
            "figure",
            f"bluetooth {name:15} {ended[name]:30} top {log.top_speed / 100:.2f}  starts {len(log.starts)}"
            f"  stops {len(log.stops):2}  commands {len(log.writes):3}  frames {len(log.sent)}",
        )
    assert complaints == []
