"""Who was chosen and what they walked, as a whole daemon keeps it and lets go of it."""

from __future__ import annotations

import asyncio

import pytest

from backstride.domain.record import Head
from backstride.domain.walker import Walker
from backstride.domain.workout import Level
from backstride.history.store import Store
from backstride.service.choice import FILE
from backstride.service.walkers import local_now

HEAD = Head(
    id="s1", treadmill="home", program="demo", program_name="Demo", level=Level.CAUTIOUS,
    started=local_now().at - 3_600_000, outcome="completed", walker="bo",
)  # fmt: skip


@pytest.mark.hazard("H26", "H27")
def test_a_choice_survives_a_crash_and_nothing_of_an_erased_walker_stays_on_the_broker(
    make_gym, run_paced
):
    async def story():
        gym = make_gym({"home": "ideal"})
        state = gym.directory / "state"

        def remember():
            """What a daemon leaves that was killed."""
            (state / "home").mkdir(parents=True)
            (state / "home" / FILE).write_text("bo")
            with Store(state / "history.db") as store:
                store.save_walker(Walker(id="bo", name="Bo", level=Level.CAUTIOUS))
                store.write(HEAD)

        def erase():
            with Store(state / "history.db") as store:
                store.erase_walker("bo")

        await asyncio.to_thread(remember)
        async with gym:
            latest = gym.dashboard.latest["home"]
            await gym.reach("home", "idle")
            await gym.dashboard.until(lambda: latest.get("walkers", {}).get("walkers"))
            assert "bo" == latest["walkers"]["selected"]
            await gym.dashboard.until(lambda: latest.get("history", {}).get("sessions"))
            refused = await gym.dashboard.begin("home", "hill")
            assert ("refused", "level") == (refused["reply"], refused["code"])
            await asyncio.to_thread(erase)
            await gym.dashboard.until(lambda: latest["walkers"]["selected"] is None)
            await gym.dashboard.until(lambda: not latest["history"]["sessions"])
            assert [] == latest["walkers"]["walkers"]
        assert not await asyncio.to_thread((state / "home" / FILE).exists)

    run_paced(story())
