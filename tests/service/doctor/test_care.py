"""What was done for the connections: recorded by the daemon, shown by doctor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from backstride.ftms.care import Healing
from backstride.service.carebook import FILE, KEPT, CareBook, Entry, read_steps
from backstride.service.doctor.examination import examine
from backstride.service.doctor.findings import Level, Subject

ADDRESS = "C0:00:00:00:00:01"
CONFIGURATION = f'[[treadmill]]\nid = "home"\naddress = "{ADDRESS}"\n'
REASON = "nothing answers on it"


def ago(**age):
    return (datetime.now(UTC) - timedelta(**age)).isoformat()


def entry(step="close", time=None, **more):
    more.setdefault("adapter", "hci0")
    return Entry(time=time or ago(minutes=5), step=step, reason=REASON, address=ADDRESS, **more)


def healing(step="forget", treadmill="home", **more):
    return Healing(treadmill=treadmill, step=step, reason=REASON, address=ADDRESS, **more)


@pytest.fixture
def recorded(host):
    """Put steps where the daemon puts them, and return what doctor says of them."""

    async def record(*entries, configuration=CONFIGURATION):
        home = host.root / "state" / "home"
        home.mkdir(exist_ok=True)
        (home / FILE).write_bytes(msgspec.json.encode(entries))
        found = await examine(host.configure(configuration), host.place)
        return [
            (one.level, one.what)
            for one in found
            if one.subject is Subject.BLUETOOTH and one.what.startswith("home: ")
        ]

    return record


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("adopt", f"took over the connection of {ADDRESS}"),
        ("close", f"ended the connection of {ADDRESS}"),
        ("forget", f"let BlueZ forget {ADDRESS}"),
        ("pair", f"paired with {ADDRESS}"),
        ("wake", "switched the adapter hci0 on"),
        ("cycle", "switched the adapter hci0 off and on"),
    ],
)
async def test_a_step_is_shown_with_its_age_and_reason(recorded, step, words):
    level = Level.OK if step == "adopt" else Level.NOTE
    shown = f"home: 5 min ago the daemon {words}: {REASON}"
    assert [(level, shown)] == await recorded(entry(step))


async def test_a_step_that_failed_is_shown_with_what_bluez_said(recorded):
    [(level, what)] = await recorded(entry("wake", error="Failed: Blocked through rfkill"))
    assert level is Level.NOTE
    said = "could not switch the adapter hci0 on (Failed: Blocked through rfkill)"
    assert what == f"home: 5 min ago the daemon {said}: {REASON}"


async def test_the_newest_five_are_shown_first_and_old_ones_not_at_all(recorded):
    entries = [entry(time=ago(hours=hours)) for hours in (24 * 20, 30, 9, 8, 7, 6)]
    shown = await recorded(*entries)
    assert ["6 h", "7 h", "8 h", "9 h", "1 d"] == [what.split(" ago")[0][6:] for _, what in shown]
    assert [Level.NOTE] * 4 + [Level.OK] == [level for level, _ in shown]


async def test_a_connection_that_needs_care_again_and_again_gets_advice(recorded):
    shown = await recorded(*[entry() for _ in range(12)])
    assert shown[-1] == (Level.NOTE, "home: its connection needed care 12 times in a day")


async def test_a_record_that_cannot_be_read_is_no_record(recorded, host):
    assert await recorded(entry(time="yesterday")) == []
    (host.root / "state" / "home" / FILE).write_text("[{")
    assert read_steps(host.root / "state" / "home") == []


async def test_the_record_keeps_the_newest_steps_of_each_treadmill(tmp_path):
    homes = {name: tmp_path / name for name in ("gym-1", "gym-2")}
    book = CareBook(lambda: "2026-11-20T12:00:00+00:00")
    for name, home in homes.items():
        home.mkdir()
        book.open(name, home)
    for number in range(KEPT + 5):
        book.note(healing(treadmill="gym-1", error=str(number)))
    book.note(healing(treadmill="gym-2", step="close", adapter="hci1"))
    book.note(healing(treadmill="unknown"))
    await book.settle()
    kept = read_steps(homes["gym-1"])
    assert [str(number) for number in range(5, KEPT + 5)] == [one.error for one in kept]
    [other] = read_steps(homes["gym-2"])
    assert ("close", "hci1", ADDRESS) == (other.step, other.adapter, other.address)
    assert len((homes["gym-1"] / FILE).read_bytes()) < 20_000


async def test_a_disk_that_takes_no_record_troubles_nobody(tmp_path):
    book = CareBook(lambda: "2026-11-20T12:00:00+00:00")
    book.open("home", tmp_path / "not there")
    book.note(healing())
    await book.settle()
    (tmp_path / "not there").mkdir()
    book.note(healing())
    await book.settle()
    assert len(read_steps(tmp_path / "not there")) == 1
