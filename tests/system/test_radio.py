"""What the daemon says of the radio, and when it lets its adapters be touched."""

from __future__ import annotations

import pytest


def test_the_signal_of_the_last_advertisement_is_published(make_gym, run_paced):
    async def story():
        gym = make_gym({"home": "ideal"})
        async with gym:
            latest = gym.dashboard.latest["home"]
            await gym.dashboard.until(lambda: latest.get("connection", {}).get("up"))
            return latest["connection"]["rssi"]

    assert run_paced(story()) == -50


@pytest.mark.hazard("H09")
def test_no_adapter_is_switched_off_from_the_arming_of_any_session_to_its_proven_rest(
    make_gym, run_paced
):
    async def story():
        gym = make_gym({"left": "ideal", "right": "ideal"})
        async with gym:
            at_rest = gym.service.workshop._host.at_rest
            await gym.dashboard.phase("left", "idle")
            seen = [at_rest()]
            for phase in ("armed", "countdown", "running"):
                if phase == "armed":
                    await gym.reach("left", phase)
                elif phase == "countdown":
                    await gym.dashboard.send("left", "confirm")
                else:
                    await gym.dashboard.phase("left", phase, within=600)
                seen.append(at_rest())
            await gym.dashboard.send("left", "stop")
            seen.append(at_rest())
            await gym.dashboard.phase("left", "finished", within=60)
            return [*seen, at_rest()]

    assert run_paced(story()) == [True, False, False, False, False, True]
