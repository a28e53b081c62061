"""The fleet's rows: folded, filtered, sorted and written, without a broker."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console

from backstride.cli.fleet_view import (
    COLUMNS,
    absorb,
    make_row,
    make_table,
    select,
    show_span,
    summarise,
    write_csv,
)
from backstride.domain.phases import Phase
from backstride.mqtt.health import Health, HostHealth, RadioHealth
from backstride.mqtt.remote import News
from backstride.mqtt.schema import AlarmState, SpeedState, State, encode

BOOT, TIME = "boot-0123", "2026-11-20T07:35:00Z"
WALL = 1_795_160_100_000 + 30_000
"""30 s after TIME, ms since 1970."""


def state(phase=Phase.IDLE, speed=None, alarm=None):
    return State(
        boot=BOOT, seq=1, time=TIME, phase=phase, speed=SpeedState(measured=speed), alarm=alarm
    )


def health(host="pi-1", faults=None):
    return Health(
        boot=BOOT, time=TIME, uptime=7_500.0, versions={"backstride": "0.5.0"},
        host=HostHealth(name=host, uptime=1.0, clock_synchronised=True),
        radio=RadioHealth(up=True, connections=1, rssi=-70), faults=faults or {},
    )  # fmt: skip


def fold(*messages, mills=None):
    """Fold (treadmill, topic, payload, at, retained) in."""
    mills = {} if mills is None else mills
    for treadmill, topic, payload, at, retained in messages:
        data = payload if isinstance(payload, bytes) else encode(payload)
        news = News(treadmill=treadmill, topic=topic, payload=data, retained=retained, at=at)
        absorb(mills, news, WALL)
    return mills


def row(*messages, now=0):
    [mill] = fold(*messages).values()
    return make_row(mill, now)


def test_a_row_has_what_its_treadmill_said():
    shown = row(
        ("mill-1", "availability", b"online", 0, True),
        ("mill-1", "state", state(Phase.RUNNING, 1.2), 1_000, False),
        ("mill-1", "health", health(faults={"clock": "..."}), 1_500, False),
        now=2_000,
    )

    assert (shown.id, shown.host, shown.phase, shown.speed) == ("mill-1", "pi-1", "running", 1.2)
    assert (shown.rssi, shown.version, shown.uptime) == (-70, "0.5.0", 7_500.0)
    assert (shown.faults, shown.age, shown.silent) == (("clock",), 0.5, False)


def test_an_alarm_and_the_host_s_faults_are_one_list():
    alarm = AlarmState(cause="stale", sentence="", latched=False)
    shown = row(
        ("a", "state", state(alarm=alarm), 0, False),
        ("a", "health", health(faults={"disk": ""}), 0, False),
    )
    assert shown.faults == ("stale", "disk")


@pytest.mark.hazard("H13")
@pytest.mark.parametrize(
    ("phase", "age", "silent"),
    [
        (Phase.RUNNING, 3_000, False),
        (Phase.RUNNING, 3_001, True),
        (Phase.IDLE, 45_000, False),
        (Phase.IDLE, 45_001, True),
    ],
)
def test_a_treadmill_that_says_nothing_for_long_is_silent(phase, age, silent):
    assert row(("a", "state", state(phase), 0, False), now=age).silent is silent


def test_what_was_retained_is_as_old_as_it_says():
    shown = row(("a", "state", state(), 5_000, True), now=6_000)

    assert (shown.age, shown.silent) == (31.0, False)


def test_the_broker_s_word_that_a_daemon_is_gone_is_no_sign_of_life():
    shown = row(
        ("a", "state", state(Phase.RUNNING, 1.0), 0, False),
        ("a", "availability", b"offline", 2_000, False),
        now=2_500,
    )
    assert (shown.phase, shown.age, shown.silent) == ("offline", 2.5, True)


def test_the_speed_of_a_silent_treadmill_is_not_shown():
    shown = row(("a", "state", state(Phase.RUNNING, 1.0), 0, False), now=60_000)
    console = Console(file=io.StringIO(), width=160)
    console.print(make_table([shown], "id"))
    text = console.file.getvalue()
    assert "silent 1:00" in text
    assert "1.0 " not in text


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{}", b'{"v":1,"phase":"flying"}'])
def test_what_cannot_be_read_changes_nothing(payload):
    mills = fold(("a", "state", state(), 0, False))
    before = dict(mills)
    assert fold(("a", "state", payload, 9, False), mills=mills) == before


ROWS = [
    row(("b", "state", state(Phase.RUNNING, 2.0), 0, False)),
    row(("a", "state", state(Phase.IDLE, 0.0), 0, False), ("a", "health", health(), 0, False)),
    row(("c", "availability", b"offline", 0, True)),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ("", "abc"),
        ("running", "b"),
        ("!running", "ac"),
        ("silent", "c"),
        ("PI-1 idle", "a"),
        ("pi-1 running", ""),
    ],
)
def test_a_filter_takes_rows_with_all_its_words(wanted, ids):
    assert "".join(each.id for each in select(ROWS, wanted, "id")) == ids


@pytest.mark.parametrize(
    ("by", "backward", "ids"),
    [("id", True, "cba"), ("speed", False, "abc"), ("speed", True, "bac"), ("host", False, "abc")],
)
def test_what_is_not_known_comes_last_whichever_way_it_is_sorted(by, backward, ids):
    assert "".join(each.id for each in select(ROWS, "", by, backward=backward)) == ids


@pytest.mark.parametrize("by", COLUMNS)
def test_every_column_can_be_sorted_by(by):
    assert len(select(ROWS, "", by)) == 3


def test_the_csv_has_a_header_and_a_line_for_each_row():
    header, first, *_ = csv.reader(io.StringIO(write_csv(ROWS)))

    assert (tuple(header), first[0], first[2]) == (COLUMNS, "b", "running")


def test_one_line_tells_how_all_of_them_are():
    assert summarise(ROWS) == "3 treadmills, 1 in a session, 0 with faults, 1 silent"


@pytest.mark.parametrize(
    ("seconds", "text"), [(42.9, "42 s"), (185, "3:05"), (7_800, "2 h 10"), (442_800, "5 d 3 h")]
)
def test_a_span_is_told_in_its_two_largest_units(seconds, text):
    assert show_span(seconds) == text
