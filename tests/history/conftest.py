"""A history of one's own, and sessions to put in it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from backstride.domain.record import Head, Lap, Said, Sample, Trouble
from backstride.domain.workout import Effort, Facing, Level
from backstride.history.store import Entry, Store


def head(session="20261120-180000-a", **fields):
    return Head(
        **{
            "id": session,
            "treadmill": "garage",
            "program": "first-steps",
            "program_name": "First steps backward",
            "level": Level.BEGINNER,
            "started": 1_795_000_000_000,
        }
        | fields
    )


def sample(second, **fields):
    defaults = {"speed": 100, "setpoint": 120, "incline": 0, "facing": Facing.BACKWARD}
    return Entry(second, Sample(at=second * 1_000, **(defaults | fields)))


LAP = Entry(0, Lap(index=0, effort=Effort.WARMUP, facing=Facing.FORWARD, start=0, end=60_000))
SAID = Entry(0, Said(at=500, kind="faster", text="faster, in ten", heard=True))
TROUBLE = Entry(0, Trouble(at=700, cause="stale", action="hold", sentence="no telemetry"))


@pytest.fixture
def make():
    return SimpleNamespace(head=head, sample=sample, lap=LAP, said=SAID, trouble=TROUBLE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


@pytest.fixture
def store(path):
    with Store(path) as opened:
        yield opened
