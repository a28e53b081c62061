"""A recorded CITYSPORTS session, folded into ours: it may be watched without an alarm, and steered by."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from backstride.domain.envelope import envelope
from backstride.domain.events import BusUp, LinkUp, MachineStatus, Telemetry, Tick
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart, Machine, SpeedRange
from backstride.domain.session import Drive, Phase, Session
from backstride.domain.step import step
from backstride.domain.supervision import assess
from backstride.ftms.codec import decode_status, decode_training
from backstride.ftms.records import Records
from backstride.ftms.rejections import Tally

NAME = "citysports-a.jsonl"
RUNS = ("initial", "second", "third")
TICK = 100
MACHINE = Machine(
    address="00:00:00:00:00:01",
    name="CITYSPORTS-Linker",
    fingerprint="citysports",
    speed=SpeedRange(100, 600, 50),
    incline=None,
    belt_start=BeltStart.REMOTE,
    reports_distance=True,
    reports_elapsed=True,
)
SITE = SiteRules(caps=Caps(reason="the phone's user", speed=600))
EXPECTED = {"initial": set(), "second": set(), "third": {"frozen"}}
"""In the third run somebody stepped on for 2 s and off again, and the belt ran on: its counters count only
walkers. To bring such a belt down is no false alarm."""


class Clock:
    def now(self):
        return 0


@pytest.fixture(scope="module")
def recorded():
    """The entries of each run, with their times in ms."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("BACKSTRIDE_CAPTURES", root.parent / "shared" / "captures"))
    if not (folder / NAME).is_file():
        pytest.skip(
            f"no recorded frames at {folder / NAME}; set BACKSTRIDE_CAPTURES to their folder"
        )
    entries = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    return {
        run: [
            (round(entry["t"] * 1_000), entry["char"], entry["dir"], bytes.fromhex(entry["hex"]))
            for entry in entries
            if entry["id"].startswith(f"citysports-a-{run}-")
        ]
        for run in RUNS
    }


def events_of(entries):
    """What our adapter would have reported of a run, with the phone's own writes in between."""
    records = Records(1, Tally(Clock()))
    ticked = 0
    for at, characteristic, direction, raw in entries:
        while ticked + TICK <= at:
            ticked += TICK
            yield Tick(at=ticked)
        if direction == "write":
            yield at, raw
        elif characteristic == "2ACD":
            yield replace(records.take(raw, at), at=at)
        elif characteristic in {"2ADA", "2AD3"} and direction == "notify":
            decode = decode_status if characteristic == "2ADA" else decode_training
            report = decode(raw)
            if characteristic == "2ADA":
                yield MachineStatus(at=at, epoch=1, status=report.status, value=report.value)


def begin():
    session = Session(site=SITE)
    for event in (BusUp(at=0), LinkUp(at=0, epoch=1, machine=MACHINE)):
        session = step(session, event).session
    return session


@pytest.mark.parametrize("run", RUNS)
def test_a_session_that_only_watches_neither_speaks_nor_acts(recorded, run):
    session, orders, notices = begin(), [], []
    for event in events_of(recorded[run]):
        if isinstance(event, tuple):
            continue
        transition = step(session, event)
        session = transition.session
        orders += transition.orders
        notices += transition.notices
    assert (Phase.IDLE, [], []) == (session.phase, orders, notices)
    assert session.evidence.frames > 100


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("run", RUNS)
def test_supervision_finds_nothing_wrong_with_a_belt_that_obeys(recorded, run):
    """The phone's commands are taken for ours: nothing that the belt did was an alarm."""
    session, found, running = begin(), Counter(), None
    for event in events_of(recorded[run]):
        if isinstance(event, tuple):
            at, raw = event
            if raw[0] == 0x02:
                target, drive = int.from_bytes(raw[1:3], "little"), session.drive
                lowered = at if target < drive.target else drive.lowered_at
                session = replace(
                    session,
                    drive=replace(
                        drive, target=target, target_at=at, previous=drive.target,
                        lowered_at=lowered, probed=2,
                    ),
                )  # fmt: skip
            elif raw[0] == 0x08:
                running = None
            continue
        session = step(session, event).session
        if (
            isinstance(event, Telemetry)
            and event.speed
            and running is None
            and not session.drive.target
        ):
            running = event.at
            session = replace(session, drive=Drive(target=event.speed, target_at=event.at))
        if running is not None:
            steered = replace(
                session, phase=Phase.RUNNING, since=running, owed=True, confirmed_epoch=1,
                moving_since=running, envelope=envelope(SITE, MACHINE, None, None),
            )  # fmt: skip
            found.update(str(finding.cause) for finding in assess(steered))
    assert EXPECTED[run] == set(found)
    assert session.evidence.frames > 100


@pytest.mark.hazard("H14")
def test_the_counters_of_a_belt_without_a_walker_are_not_taken_for_frozen(recorded):
    """In the recordings time and distance stay 0 while nobody walks; that is no fault."""
    session = begin()
    for event in events_of(recorded["initial"]):
        if isinstance(event, tuple):
            continue
        session = step(session, event).session
        if session.evidence.moving() and session.evidence.distance == 0:
            assert not session.evidence.counts
            return
    pytest.fail("the recording has no moving belt with a standing counter")


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("run", RUNS)
def test_the_ramp_that_appears_after_stop_is_seen_as_falling_and_ends_in_rest(recorded, run):
    session, stopped, rises, before = begin(), False, [], None
    for event in events_of(recorded[run]):
        if isinstance(event, tuple):
            stopped = stopped or event[1][:1] == b"\x08"
            continue
        session = step(session, event).session
        if stopped and isinstance(event, Telemetry):
            if before is not None and event.speed > before:
                rises.append((before, event.speed))
            before = event.speed
    assert stopped
    assert len(rises) <= 1, "at most one: the target gives way to the truth"
    if before == 0:
        assert session.evidence.speed == 0
