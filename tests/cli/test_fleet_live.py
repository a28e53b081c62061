"""The fleet's live table: what keys do, and which rows there is room for. No terminal, no broker."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from backstride.cli.fleet_live import FleetWatch
from backstride.cli.fleet_view import absorb
from backstride.cli.live import now_ms
from backstride.domain.phases import Phase
from backstride.mqtt.remote import News, RemoteSettings
from backstride.mqtt.schema import SpeedState, State, encode


@pytest.fixture
def watch():
    """A table of 100 treadmills, of which every tenth walks."""
    watch = FleetWatch(RemoteSettings(), Console(file=io.StringIO()), depth=1)
    for number in range(100):
        phase = Phase.IDLE if number % 10 else Phase.RUNNING
        state = State(
            boot="boot-0123", seq=1, time="2026-11-20T07:35:00Z", phase=phase,
            speed=SpeedState(measured=number / 50),
        )  # fmt: skip
        news = News(
            treadmill=f"mill-{number:02}", topic="state", payload=encode(state), retained=False,
            at=now_ms(),
        )  # fmt: skip
        absorb(watch.mills, news, 0)
    return watch


def press(watch, keys):
    for key in keys:
        watch.press(key.encode())


def show(watch, height=14):
    """The lines of the picture."""
    console = Console(file=io.StringIO(), width=160)
    console.print(watch.picture(height))
    return console.file.getvalue().splitlines()


def test_there_are_as_many_rows_as_there_is_room_for(watch):
    lines = show(watch, height=14)
    assert len(lines) == 14
    assert [line.split()[0] for line in lines[2:12]] == [f"mill-{n:02}" for n in range(10)]


def test_arrows_choose_and_the_table_follows(watch):
    for _ in range(41):
        watch.press(b"\x1b[B")
    watch.press(b"\x1b[A")

    assert watch.chosen == "mill-39"
    assert any(line.startswith("mill-39") for line in show(watch))


def test_a_filter_is_typed_and_ends_with_enter(watch):
    press(watch, "/runningx\x7f\r")

    assert (watch.wanted, len(watch.rows())) == ("running", 10)
    press(watch, "q")
    assert watch._done.is_set()


def test_while_a_filter_is_typed_its_letters_are_no_commands(watch):
    press(watch, "/sqr")

    assert (watch.wanted, watch.backward, watch._done.is_set()) == ("sqr", False, False)
    assert watch.message == ""


def test_o_and_r_order_the_rows(watch):
    watch.by = "phase"
    press(watch, "or")

    assert (watch.by, watch.rows()[0].id) == ("speed", "mill-99")
    assert "km/h↓" in show(watch)[1]


@pytest.mark.hazard("H26")
def test_s_without_a_chosen_treadmill_stops_nobody_and_says_how_to_stop_all(watch):
    press(watch, "s")

    assert watch._stops == set()
    assert "fleet stop --all" in show(watch)[-2]


def test_the_keys_are_always_on_the_screen(watch):
    assert show(watch, height=4)[-1].startswith("↑↓ choose   s STOP")
