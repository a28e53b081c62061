"""The wizard on every virtual machine: the right verdict, a slow belt, and rest at the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from msgspec.structs import replace

from backstride.domain.commissioning import COMMISSIONING_SPEED, Check, OnLinkLoss, Proof
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.ftms.treadmill import BleakTreadmill
from backstride.service.clock import LoopClock
from backstride.service.commissioning import Commissioner, CommissioningError
from backstride.service.person import Deed
from backstride.service.rehearsal import Robot, rehearse
from backstride.service.trial import Trial
from backstride.virtual.catalogue import list_machines, load_machine
from backstride.virtual.clock import run_virtual
from backstride.virtual.fault_script import plan_script
from backstride.virtual.faults import Faults
from backstride.virtual.log import Phase
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine
from backstride.virtual.procedures import Result
from backstride.virtual.quirks import OnDisconnect, StartAgain, Takeover

OTHER_UNLOCKS = {
    "mph": "console, 2.0",
    "mph-telemetry": "console, 2.0",
    "xterra-t85": "console, 2.0",
    "trx3500": "console, 2.0",
    "horizon-74": "console, 2.0",
    "yesoul-mute": "console, 2.0",
    "domyos": "console, 2.0",
    "console-only": "console, site",
    "urevo-e1l": "console, site",
    "fr30z": "console, site",
    "wakes-first": "console, site",
}
"""The machines that must not get everything; the others start remotely, up to the site's cap."""

FAILURES = {
    "console-only": {"remote start": "refused: failed"},
    "domyos": {"link loss": None, "stop": None},
    "fr30z": {"console": "stop: nothing"},
    "horizon-74": {"connecting": "the belt moves at 0.8 km/h"},
    "k12": {"stop again": "starts the belt again"},
    "mph": {"probe": "it takes mph", "units": "it takes another unit"},
    "mph-telemetry": {"probe": "it shows mph", "units": "telemetry is in mph"},
    "trx3500": {"running": "stops by itself"},
    "urevo-e1l": {"remote start": "above its lowest 0.96 km/h"},
    "xterra-t85": {"probe": "no effect"},
    "yesoul-mute": {"telemetry": "0 records"},
}
"""What fails on each machine with words of its figure; None for what must then not be reached."""

FACTS = {
    "citysports": {"telemetry": "each 0.2 s", "probe": "told 1.5 km/h, shows 1.5 km/h"},
    "decline": {"connecting": "deck at 0.0 %"},
    "fr30z": {"connecting": "no telemetry at rest", "remote start": "not proven still"},
    "fs-6041f1": {"out of range": "never sent"},
    "ideal": {"second client": "status FF", "safety key": "status 03"},
    "kingsmith": {"stop": "at rest after 7", "stop again": "changes nothing"},
    "matrix": {"telemetry": "each 1.0 s"},
    "omega-z": {"remote start": "moves after 6.0 s"},
    "split-record": {"telemetry": "each 0.5 s"},
    "urevo-e1l": {"ranges": "by 0.32 km/h"},
    "wakes-first": {"remote start": "not proven still"},
    "wellfit": {"probe": "control granted at request 2"},
}


def unlocks(sheet):
    unlocked = sheet.unlocked
    cap = "site" if unlocked.cap is None else "2.0"
    return f"{unlocked.belt_start}, {cap}"


@pytest.mark.hazard("H01", "H05", "H07", "H09", "H16", "H17", "H18", "H20")
@pytest.mark.parametrize("name", list_machines())
def test_each_machine_gets_the_verdict_that_its_quirk_deserves(name):
    played = rehearse(load_machine(name))
    sheet, log = played.sheet, played.machine.log
    assert unlocks(sheet) == OTHER_UNLOCKS.get(name, "remote, site")
    assert not sheet.unlocked.unattended, "every one of them runs on when the link ends"

    expected = FAILURES.get(name, {})
    failed = {f.check: f.figure for f in sheet.findings if f.proof is Proof.FAILED}
    failed.pop(Check.LINK_LOSS, None)
    assert set(failed) == {check for check, words in expected.items() if words is not None}
    for check, words in expected.items():
        if words is None:
            assert sheet.find(Check(check)).proof is Proof.NOT_TESTED
        else:
            assert words in failed[Check(check)]
    for check, words in FACTS.get(name, {}).items():
        assert words in sheet.find(Check(check)).figure

    assert played.machine.drive.phase is Phase.REST
    assert played.machine.drive.belt.value == 0
    assert log.top_speed <= COMMISSIONING_SPEED
    assert log.moving_starts() == []
    assert all(target <= COMMISSIONING_SPEED for target in log.speed_targets)
    assert log.incline_writes == []
    assert played.machine.clients == ()


def test_the_findings_are_complete_and_in_order():
    assert [f.check for f in rehearse(load_machine("trx3500")).sheet.findings] == list(Check)


def with_link(name, **changes):
    model = load_machine(name)
    return replace(model, link=replace(model.link, **changes))


def test_a_machine_that_stops_on_link_loss_may_run_unattended():
    sheet = rehearse(with_link("ideal", on_disconnect=OnDisconnect.STOPS)).sheet
    assert sheet.unlocked.on_link_loss is OnLinkLoss.STOPS
    assert sheet.unlocked.unattended


@pytest.mark.hazard("H16")
def test_a_second_stop_is_not_sent_where_it_may_start_the_belt():
    model = with_link("k12", clients=2)
    played = rehearse(
        replace(model, control_point=replace(model.control_point, takeover=Takeover.REFUSE))
    )
    finding = played.sheet.find(Check.SECOND_CLIENT)
    assert (finding.proof, "not known" in finding.figure) == (Proof.NOT_TESTED, True)


def test_a_machine_that_refuses_a_second_controller_keeps_us():
    model = load_machine("ideal")
    played = rehearse(
        replace(model, control_point=replace(model.control_point, takeover=Takeover.REFUSE))
    )
    finding = played.sheet.find(Check.SECOND_CLIENT)
    assert (finding.proof, "stays with us" in finding.figure) == (Proof.PROVEN, True)


def test_a_machine_that_toggles_at_start_is_never_asked_to():
    model = load_machine("ideal")
    point = replace(model.control_point, start_again=StartAgain.STOPS)
    played = rehearse(replace(model, control_point=point))
    assert len(played.machine.log.starts) == 1
    assert unlocks(played.sheet) == "remote, site"


@pytest.mark.parametrize(
    ("deed", "check", "expected"),
    [
        (Deed.PULL_KEY, Check.SAFETY_KEY, "console, 2.0"),
        (Deed.PRESS_STOP, Check.CONSOLE, "remote, site"),
        (Deed.ALLOW_START, Check.REMOTE_START, "console, site"),
        (Deed.PRESS_START, Check.RUNNING, "console, 2.0"),
    ],
)
def test_what_the_person_does_not_do_is_not_tested_and_stays_locked(deed, check, expected):
    played = rehearse(load_machine("ideal"), frozenset({deed}))
    assert played.sheet.find(check).proof is Proof.NOT_TESTED
    assert unlocks(played.sheet) == expected
    assert played.machine.drive.belt.value == 0


@pytest.mark.hazard("H01")
def test_nothing_moves_before_the_person_is_ready():
    with pytest.raises(CommissioningError, match="nothing was moved"):
        rehearse(load_machine("ideal"), frozenset({Deed.READY}))


class Bench:
    """A wizard on a virtual machine, with faults in the air between them."""

    def __init__(self, name="ideal"):
        self.machine = Machine(load_machine(name), keep_sent=False)

    async def play(self, faults="", until=None):
        air, clock = LoopbackAir(), LoopClock()
        source = Faults(self.machine)
        pump = await air.serve(self.machine, source)
        robot = Robot(pump)
        if faults:
            plan_script(source, faults)
        radio = Radio(client=air.client_backend(), scanner=air.scanner_backend())
        treadmill = BleakTreadmill(ByAddress(self.machine.address), clock=clock, radio=radio)
        wizard = asyncio.create_task(
            Commissioner(Trial(treadmill, clock), robot).run("x", "2026-11-20", "robot")
        )
        try:
            if until is not None:
                while not until(self.machine):  # noqa: ASYNC110  a machine sets no event
                    await asyncio.sleep(0.1)
                wizard.cancel()
                with suppress(asyncio.CancelledError):
                    await wizard
                return None
            return await wizard
        finally:
            await air.close()

    def run(self, **story):
        return run_virtual(self.play(**story))


@pytest.mark.hazard("H25")
def test_a_wizard_that_is_interrupted_brings_the_belt_to_rest():
    bench = Bench()
    bench.run(until=lambda machine: machine.drive.belt.value > 100)
    assert (bench.machine.drive.phase, bench.machine.drive.belt.value) == (Phase.REST, 0)
    assert len(bench.machine.log.stops) == 1


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("name", ["ideal", "k12"])
def test_a_lost_link_ends_the_trial_with_a_stop_over_a_new_one(name):
    bench = Bench(name)
    sheet = bench.run(faults="20 s after motion: disconnect for 3 s")
    assert "the connection was lost" in sheet.find(Check.STOP).figure
    assert unlocks(sheet) == "console, 2.0"
    assert bench.machine.drive.belt.value == 0
    taken = [stop for stop in bench.machine.log.stops if stop.result is Result.SUCCESS]
    assert [stop.client for stop in taken] == ["client-2"]
    back = bench.machine.log.find("connected")[-1].at
    assert taken[0].at - back < 1_500, "the belt does not wait for the person"


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("name", ["ideal", "k12"])
def test_a_belt_that_somebody_makes_fast_is_stopped_at_once(name):
    bench = Bench(name)
    sheet = bench.run(faults="20 s after motion: press speed 5.0 km/h")
    taken = [stop for stop in bench.machine.log.stops if stop.result is Result.SUCCESS]
    assert len(taken) == 1, "a second one would start a K12"
    assert "too fast" in sheet.find(Check.STOP).figure
    assert unlocks(sheet) == "console, 2.0"
    assert bench.machine.drive.belt.value == 0


def test_a_machine_that_is_not_there_leaves_no_sheet():
    bench = Bench()
    bench.machine.hide(0, 600_000)
    with pytest.raises(CommissioningError, match="no connection"):
        bench.run()
