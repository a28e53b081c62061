"""What a dashboard is shown of the history, and when it asks how it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from backstride.domain.record import Head
from backstride.domain.workout import Level
from backstride.history.week import Week
from backstride.mqtt.history import HistoryWeek
from backstride.service.history_view import SHOWN_WEEKS, describe

START = datetime(2026, 11, 20, 7, 35, tzinfo=UTC)
HEAD = Head(
    id="1", treadmill="home", program="demo", program_name="Demo", level=Level.BEGINNER,
    started=int(START.timestamp() * 1_000), offset=60, length=600_000, outcome="completed",
    completed=True, walked=590_000, backward=400_000, distance=250, top_speed=150, energy=2050,
    heart_rate_max=140, pain=3,
)  # fmt: skip
SOON = START + timedelta(minutes=11)


def question(now=SOON, **fields):
    return describe("boot", (replace(HEAD, **fields),), (), now).question


def test_a_session_is_shown_in_the_units_of_mqtt_and_without_what_is_nobodys_business():
    (session,) = describe("boot", (HEAD,), (), SOON).sessions
    assert ("2026-11-20T07:35:00.000Z", 590.0, 400.0, 1.5, 20.5) == (
        session.started, session.walked, session.backward, session.top_speed, session.energy
    )  # fmt: skip
    assert not {"pain", "heart_rate_max"} & set(session.__struct_fields__)


def test_the_newest_session_is_asked_about():
    assert ["1", "1"] == [question(), question(walked=60_000)]
    assert None is describe("boot", (), (), SOON).question


@pytest.mark.parametrize(
    "fields",
    [
        {"effort": 12},
        {"outcome": None},
        {"walked": 59_999},
        {"now": START + timedelta(hours=12, minutes=10)},
    ],
    ids=["answered", "under way", "not walked", "long ago"],
)
def test_a_question_that_makes_no_sense_is_not_asked(fields):
    assert None is question(**fields)


def test_an_older_session_is_never_asked_about():
    newer = replace(HEAD, id="2", effort=12)
    assert None is describe("boot", (newer, HEAD), (), SOON).question


def test_a_session_that_lasts_is_not_shown():
    assert () == describe("boot", (replace(HEAD, outcome=None),), (), SOON).sessions


def test_a_few_weeks_are_shown():
    week = Week(
        monday=date(2026, 11, 16), sessions=3, walked=900_000, backward=600_000, distance=700,
        top_speed=155, energy=6_050, effort=125,
    )  # fmt: skip
    shown = describe("boot", (), (week,) * 9, SOON).weeks
    assert (
        HistoryWeek(
            monday="2026-11-16", sessions=3, walked=900.0, backward=600.0, distance=700, top_speed=1.55,
            energy=60.5, effort=12.5,
        ),
    ) * SHOWN_WEEKS == shown  # fmt: skip
