"""A strap over the air: the real adapter, a virtual strap, and whatever straps do."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest

from backstride.ftms.discovery import scan
from backstride.ftms.heartrate import Place
from backstride.ftms.radio import Radio
from backstride.ftms.strap import BleakStrap
from backstride.ftms.waits import Waits
from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import run_virtual
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine
from backstride.virtual.radio import Air
from backstride.virtual.strap import Mood, StrapModel, VirtualStrap

LIMIT = 5


class Clock:
    def now(self):
        return round(asyncio.get_running_loop().time() * 1_000)


class Bench:
    """A strap on the air, and the adapter that looks for it."""

    def __init__(self, air, worn, pump, adapter):
        self.air, self.worn, self.pump, self.adapter = air, worn, pump, adapter
        self.heard = asyncio.Queue()

    async def next(self, limit=LIMIT):
        async with asyncio.timeout(limit):
            return await self.heard.get()

    async def until(self, right, limit=LIMIT):
        async with asyncio.timeout(limit):
            while not right(event := await self.heard.get()):
                pass
            return event

    def mood(self, mood):
        self.pump.act(lambda strap, now: strap.set_mood(mood, now))

    def drain(self):
        while not self.heard.empty():
            self.heard.get_nowait()


@asynccontextmanager
async def bench(model=None, *, air=None, free=lambda: True, address=None):
    air = air or LoopbackAir()
    worn = VirtualStrap(model, now_ms=Clock().now())
    pump = await air.serve(worn)
    radio = Radio(client=air.client_backend(), scanner=air.scanner_backend())
    adapter = BleakStrap(
        address or worn.address, clock=Clock(), radio=radio, rng=random.Random(7), free=free,
        waits=Waits(find=2_000, connect=2_000),
    )  # fmt: skip
    there = Bench(air, worn, pump, adapter)
    running = asyncio.create_task(adapter.run(there.heard.put_nowait))
    try:
        yield there
        assert not running.done()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await air.close()


def test_what_the_heart_does_is_heard_with_contact_and_charge():
    async def story():
        async with bench() as there:
            first = await there.next()
            assert (70, True, 80) == (first.bpm, first.contact, first.battery)
            assert (None, Place.CHEST) == (there.adapter.trouble, there.adapter.place)
            there.worn.bpm = 131
            second = await there.next()
            assert (131, True, None) == (second.bpm, second.contact, second.battery)
            assert 1_000 == second.at - first.at

    run_virtual(story())


def test_over_a_real_bluetooth_stack_and_beside_a_treadmill():
    async def story():
        air = Air()
        await air.serve(Machine(load_machine("ideal"), now_ms=Clock().now()))
        async with bench(StrapModel(wide=True), air=air) as there:
            there.worn.bpm = 99
            first = await there.next()
            assert (99, True, 80) == (first.bpm, first.contact, first.battery)

    asyncio.run(story())


def test_a_strap_that_tells_little_is_heard_all_the_same():
    async def story():
        model = StrapModel(
            name=None, place=None, battery=None, tells_contact=False, intervals=False
        )
        async with bench(model) as there:
            first = await there.next()
            assert (70, None, None) == (first.bpm, first.contact, first.battery)
            assert there.adapter.place is None

    run_virtual(story())


@pytest.mark.hazard("H30")
@pytest.mark.parametrize(
    ("mood", "bpm", "contact"), [(Mood.LOOSE, 0, False), (Mood.ZERO, 0, None), (Mood.ABSURD, 65_535, None)]
)  # fmt: skip
def test_what_makes_no_sense_is_passed_on_for_the_core_to_judge(mood, bpm, contact):
    async def story():
        async with bench() as there:
            await there.next()
            there.mood(mood)
            event = await there.next()
            assert (bpm, contact) == (event.bpm, event.contact)

    run_virtual(story())


def test_a_measurement_that_comes_twice_counts_once():
    async def story():
        async with bench() as there:
            await there.next()
            there.mood(Mood.TWICE)
            at = [(await there.next()).at for _ in range(4)]
            assert [1_000] * 3 == [b - a for a, b in pairwise(at)]
            assert there.adapter.counts["heart.duplicate"] >= 3

    run_virtual(story())


def test_two_rates_in_an_instant_are_one_and_a_flaw():
    async def story():
        async with bench(StrapModel(period=100)) as there:
            first, there.worn.bpm = await there.next(), 71
            second = await there.next()
            assert 200 == second.at - first.at
            assert 1 == there.adapter.counts["heart.senseless"]

    run_virtual(story())


@pytest.mark.hazard("H30")
def test_garbled_notifications_are_counted_and_no_measurement():
    async def story():
        async with bench() as there:
            await there.next()
            there.mood(Mood.GARBLED)
            await asyncio.sleep(2.5)
            assert there.heard.empty()
            kinds = {"heart.short": 2, "heart.cut": 4, "heart.senseless": 4}
            assert kinds == there.adapter.counts

    run_virtual(story())


def test_a_silent_link_is_given_up_after_thirty_seconds_and_made_anew():
    async def story():
        async with bench() as there:
            await there.next()
            there.mood(Mood.SILENT)
            began = Clock().now()
            while there.adapter.trouble is None:  # noqa: ASYNC110  it sets no event, and time is virtual
                await asyncio.sleep(0.1)
            assert 29_000 <= Clock().now() - began <= 31_000
            assert there.adapter.trouble.endswith("it measures nothing")
            there.mood(Mood.HONEST)
            assert 70 == (await there.next()).bpm

    run_virtual(story())


def test_an_empty_battery_ends_the_link_and_a_new_one_is_found():
    async def story():
        async with bench() as there:
            await there.next()
            there.mood(Mood.FLAT)
            await asyncio.sleep(20)
            assert there.adapter.trouble == (
                f"the strap {there.worn.address} was not heard; wet its electrodes and put it on"
            )
            there.drain()
            there.mood(Mood.HONEST)
            assert 70 == (await there.next(90)).bpm
            assert there.adapter.trouble is None

    run_virtual(story())


def test_a_strap_that_drops_its_links_is_found_again_with_longer_and_longer_pauses():
    async def story():
        async with bench(StrapModel(drops_after=1_500)) as there:
            at = []
            for _ in range(6):
                event = await there.until(lambda event: event.battery is not None, 60)
                at.append(event.at)
            gaps = [b - a for a, b in pairwise(at)]
            assert gaps[-1] > gaps[0] + 400

    run_virtual(story())


def test_out_of_range_and_back():
    async def story():
        async with bench() as there:
            await there.next()
            await there.air.set_in_range(there.worn.address, in_range=False)
            await asyncio.sleep(10)
            there.drain()
            await there.air.set_in_range(there.worn.address, in_range=True)
            assert 70 == (await there.next(90)).bpm

    run_virtual(story())


def test_nothing_is_tried_while_the_treadmill_needs_the_radio():
    async def story():
        free = []
        async with bench(free=lambda: bool(free)) as there:
            await asyncio.sleep(30)
            assert there.heard.empty()
            assert "the strap is being looked for" == there.adapter.trouble
            free.append(1)
            assert 70 == (await there.next()).bpm

    run_virtual(story())


def test_a_treadmill_is_no_strap():
    async def story():
        air = LoopbackAir()
        machine = Machine(load_machine("ideal"), now_ms=Clock().now())
        await air.serve(machine)
        async with bench(air=air, address=machine.address) as there:
            await asyncio.sleep(5)
            assert there.adapter.trouble == (
                f"{machine.address} measures no heart rate (180D);"
                " check the address with `backstride scan`"
            )

    run_virtual(story())


def test_a_scan_lists_straps_for_those_who_ask_and_is_no_treadmill():
    async def story():
        async with bench(free=lambda: False) as there:
            radio = Radio(client=there.air.client_backend(), scanner=there.air.scanner_backend())
            assert () == await scan(radio, 1_000)
            (found,) = await scan(radio, 1_000, straps=True)
            assert (there.worn.address, "Virtual Strap", None, True) == (
                found.address, found.name, found.evidence, found.strap
            )  # fmt: skip

    run_virtual(story())
