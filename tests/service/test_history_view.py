"""What a dashboard is shown of the history, and when it asks how it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from backstride.domain.record import Head
from backstride.domain.workout import Level
from backstride.history.week import Week
from backstride.mqtt.history import HistoryWeek
from backstride.service.history_view import SHOWN_WEEKS, describe, find_rated

START = datetime(2026, 11, 20, 7, 35, tzinfo=UTC)
HEAD = Head(
    id="1", treadmill="home", program="demo", program_name="Demo", level=Level.BEGINNER,
    started=int(START.timestamp() * 1_000), offset=60, length=600_000, outcome="completed",
    completed=True, walked=590_000, backward=400_000, distance=250, top_speed=150, energy=2050,
    heart_rate_max=140, pain=3,
)  # fmt: skip
SOON = START + timedelta(minutes=11)


def question(now=SOON, chosen=None, **fields):
    return describe("boot", (replace(HEAD, **fields),), (), now, chosen).question


def test_a_session_is_shown_in_the_units_of_mqtt_and_without_what_is_nobodys_business():
    (session,) = describe("boot", (HEAD,), (), SOON, None).sessions
    assert ("2026-11-20T07:35:00.000Z", 590.0, 400.0, 1.5, 20.5) == (
        session.started, session.walked, session.backward, session.top_speed, session.energy
    )  # fmt: skip
    assert not {"pain", "heart_rate_max"} & set(session.__struct_fields__)


def test_the_newest_session_is_asked_about():
    assert ["1", "1"] == [question(), question(walked=60_000)]
    assert None is describe("boot", (), (), SOON, None).question


@pytest.mark.parametrize(
    "fields",
    [
        {"effort": 12},
        {"outcome": None},
        {"walked": 59_999},
        {"now": START + timedelta(hours=12, minutes=10)},
        {"walker": "anna"},
        {"walker": "anna", "chosen": "ola"},
        {"chosen": "ola"},
    ],
    ids=[
        "answered",
        "under way",
        "not walked",
        "long ago",
        "of somebody, nobody chosen",
        "of somebody else",
        "of nobody, somebody chosen",
    ],
)
def test_a_question_that_makes_no_sense_is_not_asked(fields):
    assert None is question(**fields)


def test_an_older_session_is_never_asked_about():
    newer = replace(HEAD, id="2", effort=12)
    assert None is describe("boot", (newer, HEAD), (), SOON, None).question


def test_whoever_is_chosen_is_asked_about_their_own_session_though_another_walked_since():
    own, newer = replace(HEAD, walker="anna"), replace(HEAD, id="2", walker="ola")
    asked = {who: describe("boot", (newer, own), (), SOON, who).question for who in ("anna", "ola")}
    assert {"anna": "1", "ola": "2"} == asked


@pytest.mark.parametrize(("hours", "found"), [(23, HEAD), (24, None)])
def test_what_is_said_goes_to_no_session_that_began_a_day_ago(hours, found):
    now = HEAD.started + hours * 3_600_000
    assert found == find_rated((HEAD,), None, now)


def test_a_session_that_lasts_is_not_shown():
    assert () == describe("boot", (replace(HEAD, outcome=None),), (), SOON, None).sessions


def test_a_few_weeks_are_shown():
    week = Week(
        monday=date(2026, 11, 16), sessions=3, walked=900_000, backward=600_000, distance=700,
        top_speed=155, energy=6_050, effort=125,
    )  # fmt: skip
    shown = describe("boot", (), (week,) * 9, SOON, None).weeks
    assert (
        HistoryWeek(
            monday="2026-11-16", sessions=3, walked=900.0, backward=600.0, distance=700, top_speed=1.55,
            energy=60.5, effort=12.5,
        ),
    ) * SHOWN_WEEKS == shown  # fmt: skip
