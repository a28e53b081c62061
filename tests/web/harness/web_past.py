"""A past for a gym that opens: two people, and three weeks in which they walked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from backstride.domain.readiness import Readiness
from backstride.domain.record import Head
from backstride.domain.units import MINUTE, SECOND, Ms
from backstride.domain.walker import Walker
from backstride.domain.workout import Level
from backstride.history.database import FILE
from backstride.history.store import Store

HOUR: Final[Ms] = 60 * MINUTE
DAY: Final[Ms] = 24 * HOUR
PLAN_DAYS: Final = (16, 14, 12, 9, 7, 5)
"""How many days ago Kari walked the plan's first two weeks."""


def settle(directory: Path, treadmill: str) -> None:
    """Write the history of a gym in this directory before it opens.

    Kari's next session is `plan-3-1`, and it is due. Jonas walked an hour ago and was not asked yet.
    """
    now = int(time.time() * SECOND)
    state = directory / "state"
    state.mkdir()
    ready = Readiness(answered=now - 20 * DAY)
    with Store(state / FILE) as store:
        for key, name in (("kari", "Kari"), ("jonas", "Jonas")):
            store.save_walker(Walker(id=key, name=name, readiness=ready, weight=68_000))
        for number, days in enumerate(PLAN_DAYS):
            week, session = 1 + number // 3, 1 + number % 3
            store.write(
                Head(
                    id=f"kari-{number}",
                    treadmill=treadmill,
                    program=f"plan-{week}-{session}",
                    program_name=f"Week {week}, session {session}",
                    level=Level.BEGINNER,
                    started=now - days * DAY,
                    walker="kari",
                    length=(20 + number) * MINUTE,
                    outcome="over",
                    completed=True,
                    walked=(18 + number) * MINUTE,
                    backward=(9 + number) * MINUTE,
                    distance=310 + 30 * number,
                    top_speed=100 + 20 * (number // 3),
                    work_speed=100 + 20 * (number // 3),
                    energy=4_800 + 300 * number,
                    effort=10 + number % 3,
                    pain=0,
                )
            )
        store.write(
            Head(
                id="jonas-0",
                treadmill=treadmill,
                program="first-steps",
                program_name="First steps",
                level=Level.BEGINNER,
                started=now - HOUR,
                walker="jonas",
                length=13 * MINUTE,
                outcome="stopped",
                walked=12 * MINUTE,
                backward=4 * MINUTE,
                distance=190,
                top_speed=120,
                energy=3_100,
                alarms=1,
            )
        )
