"""Connections over BlueZ's D-Bus: left behind, dead, refused, hanging; and adapters that come and go."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from backstride.domain.events import LinkDown
from backstride.ftms import remedies
from backstride.ftms.bluez import BluezError, read_tree
from backstride.ftms.discovery import ByName, OnlyOne
from backstride.ftms.waits import Waits

ADDRESS = "C0:00:00:00:00:01"
OTHER = "C0:00:00:00:00:02"
WAITS = Waits(
    find=1_500,
    gatt=300,
    adopt=400,
    connect=2_000,
    disconnect=300,
    settle=50,
    compare=120,
    retry_most=200,
)


async def test_a_machine_is_found_connected_and_its_signal_kept(bluez, keeper):
    await bluez.add_machine()
    treadmill = keeper.start(ADDRESS)
    up = await keeper.until_up()
    assert ADDRESS == up.machine.address
    assert treadmill.rssi == -60
    assert keeper.took() == []


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(
    ("target", "pinned"),
    [
        (ADDRESS, None),
        (ADDRESS, "hci0"),
        (ADDRESS, "11:22:33:44:55:00"),
        (ByName("Ideal Treadmill"), None),
        (OnlyOne(), None),
    ],
)
async def test_a_connection_that_a_killed_process_left_is_taken_over_without_a_scan(
    bluez, keeper, target, pinned
):
    await bluez.add_machine()
    await bluez.leave_connection(ADDRESS)
    keeper.start(target, pinned=pinned)
    await keeper.until_up()
    assert ["adopt"] == keeper.took()
    assert [] == bluez.asked("StartDiscovery") + bluez.asked("Connect")


async def test_the_only_treadmill_is_not_one_that_another_of_ours_has(bluez, keeper):
    await bluez.add_machine()
    await bluez.add_machine(address=OTHER)
    keeper.start(ADDRESS, "gym-1")
    await keeper.until_up()
    keeper.start(OnlyOne(), "gym-2")
    up = await keeper.until_up(2)
    assert OTHER == up.machine.address
    assert keeper.took() == []


@pytest.mark.hazard("H19")
async def test_a_bicycle_that_somebody_else_on_this_host_has_is_let_alone(bluez, keeper):
    await bluez.add_machine()
    await bluez.add_machine(address=OTHER)
    bluez.bicycles.add(OTHER)
    await bluez.leave_connection(OTHER)
    keeper.start(OnlyOne())
    up = await keeper.until_up()
    assert ADDRESS == up.machine.address
    assert [] == keeper.took() + bluez.asked("Disconnect")


@pytest.mark.hazard("H09")
async def test_a_ghost_that_was_left_behind_is_ended_and_the_machine_found_again(bluez, keeper):
    await bluez.add_machine()
    await bluez.leave_connection(ADDRESS)
    bluez.ghosts.add(ADDRESS)
    bluez.refuse["Disconnect"] = "Failed"
    keeper.start(ADDRESS)
    await keeper.until(lambda: "forget" in keeper.took())
    bluez.ghosts.clear()
    await keeper.until_up()
    assert ["adopt", "close!", "forget"] == keeper.took()
    assert {ADDRESS} == {step.address for step in keeper.steps}


@pytest.mark.hazard("H09", "H13")
@pytest.mark.parametrize(
    ("moving", "waits"),
    [(False, replace(WAITS, probe=300)), (True, replace(WAITS, probe=60_000, probe_moving=300))],
    ids=["at rest", "moving"],
)
async def test_a_connection_that_dies_in_use_without_a_word_is_noticed_and_replaced(
    bluez, keeper, moving, waits
):
    keeper.moving = moving
    await bluez.add_machine()
    keeper.start(ADDRESS, waits=waits)
    await keeper.until_up()
    bluez.ghosts.add(ADDRESS)
    await keeper.until(lambda: any(isinstance(e, LinkDown) for e in keeper.events))
    bluez.ghosts.clear()
    up = await keeper.until_up(2)
    assert up.epoch == 2
    [down] = [e for e in keeper.events if isinstance(e, LinkDown)]
    assert down.reason == "the connection was dead although it looked alive"


@pytest.mark.hazard("H09", "H13")
async def test_a_bluetoothd_that_freezes_under_a_moving_belt_is_noticed_and_used_again(
    bluez, keeper
):
    keeper.moving, keeper.at_rest = True, False
    await bluez.add_machine()
    keeper.start(ADDRESS, waits=replace(WAITS, probe_moving=300))
    await keeper.until_up()
    bluez.frozen = True
    await keeper.until(lambda: any(isinstance(e, LinkDown) for e in keeper.events))
    bluez.frozen = False
    up = await keeper.until_up(2)
    assert up.epoch == 2
    assert keeper.took() == []


@pytest.mark.parametrize(("moving", "failures"), [(False, 1), (True, 2)])
async def test_a_machine_whose_attributes_are_mute_is_forgotten_by_bluez_but_not_in_haste(
    bluez, keeper, moving, failures
):
    keeper.moving, keeper.at_rest = moving, not moving
    await bluez.add_machine()
    bluez.mute.add("ReadValue")
    keeper.start(ADDRESS)
    await keeper.until(lambda: "forget" in keeper.took())
    bluez.mute.clear()
    await keeper.until_up()
    assert ["/org/bluez/hci0"] == bluez.asked("RemoveDevice")
    assert keeper.steps[-1].reason.endswith(f"(mute, {failures} in a row)")


async def test_a_machine_that_is_known_by_its_name_only_is_healed_as_well(bluez, keeper):
    await bluez.add_machine()
    bluez.mute.add("ReadValue")
    keeper.start(ByName("Ideal Treadmill"))
    await keeper.until(lambda: "forget" in keeper.took())
    bluez.mute.clear()
    await keeper.until_up()
    assert keeper.steps[-1].address == ADDRESS


async def test_a_service_list_that_cannot_be_had_makes_bluez_forget_the_machine(bluez, keeper):
    await bluez.add_machine()
    bluez.refuse["Connect"] = "Failed"
    keeper.start(ADDRESS)
    await keeper.until(lambda: "forget" in keeper.took())
    bluez.refuse.clear()
    await keeper.until_up()
    assert "what BlueZ remembers of the machine may be wrong (unreached, 2 in a row)" == (
        keeper.steps[-1].reason
    )


async def test_a_machine_that_demands_encryption_is_paired_with_and_no_other(bluez, keeper):
    await bluez.add_machine()
    bluez.encrypted.add(ADDRESS)
    keeper.start(ADDRESS)
    await keeper.until_up()
    device = "/org/bluez/hci0/dev_C0_00_00_00_00_01"
    assert [(f"{device[:-2]}FF", False), (device, True)] == bluez.questions
    assert "pair" in keeper.took()
    assert len(bluez.asked("UnregisterAgent")) == 1


async def test_a_farewell_that_hangs_is_not_waited_for(bluez, keeper):
    await bluez.add_machine()
    treadmill = keeper.start(ADDRESS)
    await keeper.until_up()
    bluez.frozen = True
    async with asyncio.timeout(5):
        await treadmill._link.close("the test says so")
    bluez.frozen = False
    assert len(bluez.asked("Disconnect")) >= 1


@pytest.mark.hazard("H09")
async def test_a_bluetoothd_that_freezes_while_connecting_is_given_up_and_used_again(bluez, keeper):
    await bluez.add_machine()
    bluez.mute |= {"Connect", "Disconnect"}
    treadmill = keeper.start(ADDRESS, waits=replace(WAITS, connect=300))
    await keeper.until(lambda: "does not answer" in (treadmill.trouble or ""))
    bluez.mute.clear()
    await keeper.until_up()
    assert treadmill.trouble is None


@pytest.mark.hazard("H09")
async def test_a_bus_without_bluetoothd_is_told_and_waited_for(bluez, keeper):
    await bluez.add_machine()
    await bluez.bus.release_name("org.bluez")
    treadmill = keeper.start(ADDRESS)
    await keeper.until(lambda: "BlueZ cannot be asked" in (treadmill.trouble or ""))
    assert (treadmill.trouble or "").endswith("look: backstride doctor")
    await bluez.bus.request_name("org.bluez")
    await keeper.until_up()
    assert keeper.took() == []


async def test_after_a_connection_that_lasted_a_mute_machine_gets_its_second_attempt_again(
    bluez, keeper
):
    keeper.moving, keeper.at_rest = True, False
    await bluez.add_machine()
    bluez.mute.add("ReadValue")
    treadmill = keeper.start(ADDRESS, waits=replace(WAITS, proven=0))
    await keeper.until(lambda: "does not answer" in (treadmill.trouble or ""))
    bluez.mute.clear()
    await keeper.until_up()
    bluez.mute.add("ReadValue")
    await bluez.air.set_in_range(ADDRESS, in_range=False)
    await bluez.air.set_in_range(ADDRESS, in_range=True)
    await keeper.until(lambda: "forget" in keeper.took())
    assert keeper.steps[-1].reason.endswith("(mute, 2 in a row)")


# -- adapters ------------------------------------------------------------------------------------


async def test_an_adapter_that_is_pulled_out_is_waited_for_by_its_address_wherever_it_is_plugged(
    bluez, keeper
):
    await bluez.add_machine()
    pinned = bluez.add_adapter("hci1")
    treadmill = keeper.start(ADDRESS, pinned=pinned)
    await keeper.until_up()
    assert ["/org/bluez/hci1"] == bluez.asked("StartDiscovery")
    bluez.remove_adapter("hci1")
    await keeper.until(lambda: f"the adapter {pinned} is not there" in (treadmill.trouble or ""))
    bluez.add_adapter("hci1")
    await keeper.until_up(2)
    assert set(bluez.asked("StartDiscovery")) == {"/org/bluez/hci1"}


async def test_without_a_pin_the_other_adapter_takes_over(bluez, keeper):
    await bluez.add_machine()
    keeper.start(ADDRESS)
    await keeper.until_up()
    bluez.add_adapter("hci1")
    bluez.remove_adapter("hci0")
    await keeper.until_up(2)
    assert "/org/bluez/hci1/dev_C0_00_00_00_00_01" == bluez.asked("Connect")[-1]


@pytest.mark.parametrize(("signal", "expected"), [(-50, "hci1"), (-64, "hci0")])
async def test_the_adapter_that_hears_best_takes_the_machine(bluez, keeper, signal, expected):
    bluez.add_adapter("hci1", rssi=signal)
    await bluez.add_machine()
    treadmill = keeper.start(ADDRESS)
    await keeper.until_up()
    assert [f"/org/bluez/{expected}/dev_C0_00_00_00_00_01"] == bluez.asked("Connect")
    assert treadmill.rssi == max(signal, -60)


async def test_a_connection_already_carried_counts_against_an_adapter(bluez, keeper):
    bluez.add_adapter("hci1", rssi=-64)
    await bluez.add_machine()
    await bluez.add_machine(address=OTHER)
    keeper.start(ADDRESS, "gym-1")
    await keeper.until_up()
    keeper.start(OTHER, "gym-2")
    await keeper.until_up(2)
    assert ["hci0", "hci1"] == [path.split("/")[3] for path in bluez.asked("Connect")]


@pytest.mark.hazard("H09")
async def test_one_treadmill_connects_after_the_other_and_who_waits_is_told(bluez, keeper):
    await bluez.add_machine()
    await bluez.add_machine(address=OTHER)
    bluez.mute.add("Connect")
    keeper.start(ADDRESS, "gym-1", waits=replace(WAITS, connect=1_500))
    await keeper.until(lambda: bluez.asked("Connect"))
    second = keeper.start(OTHER, "gym-2")
    await keeper.until(lambda: "hci0 connects gym-1 first" in (second.trouble or ""))
    assert len(bluez.asked("Connect")) == 1
    bluez.mute.clear()
    await keeper.until_up(2)


@pytest.mark.hazard("H09")
async def test_whose_belt_may_be_moving_waits_for_nobody(bluez, keeper):
    await bluez.add_machine()
    await bluez.add_machine(address=OTHER)
    bluez.mute.add("Connect")
    keeper.start(ADDRESS, "gym-1", waits=replace(WAITS, connect=5_000))
    await keeper.until(lambda: bluez.asked("Connect"))
    keeper.moving = True
    bluez.mute.clear()
    keeper.start(OTHER, "gym-2")
    up = await keeper.until_up()
    assert OTHER == up.machine.address


async def test_an_adapter_that_does_nothing_is_switched_off_and_on_when_all_belts_rest(
    bluez, keeper, monkeypatch
):
    monkeypatch.setattr(remedies, "DARK", 50)
    await bluez.add_machine()
    bluez.refuse["StartDiscovery"] = "InProgress"
    keeper.start(ADDRESS)
    await keeper.until(keeper.took)
    bluez.refuse.clear()
    await keeper.until_up()
    assert ["cycle"] == keeper.took()
    assert ["/org/bluez/hci0"] * 2 == bluez.asked("Set")


@pytest.mark.hazard("H09")
@pytest.mark.parametrize(
    "spoiler", ["a belt moves", "another daemon's belt moves", "another device is connected"]
)
async def test_an_adapter_that_somebody_needs_is_left_alone(bluez, keeper, spoiler):
    await bluez.add_machine()
    if spoiler == "a belt moves":
        keeper.at_rest = False
    elif spoiler == "another daemon's belt moves":
        keeper.claimed = True
    else:
        await bluez.add_machine(address=OTHER)
        await bluez.leave_connection(OTHER)
    bluez.refuse["StartDiscovery"] = "InProgress"
    keeper.start(ADDRESS)
    await keeper.until(lambda: len(bluez.asked("StartDiscovery")) >= 6)
    assert keeper.took() == []
    assert bluez.asked("Set") == []


@pytest.mark.hazard("H09")
async def test_an_adapter_that_is_off_is_switched_on_for_a_belt_that_may_be_moving(bluez, keeper):
    bluez.remove_adapter("hci0")
    bluez.add_adapter(powered=False)
    await bluez.add_machine()
    treadmill = keeper.start(ADDRESS)
    await keeper.until(lambda: "is off" in (treadmill.trouble or ""))
    assert keeper.took() == []
    keeper.moving, keeper.at_rest = True, False
    await keeper.until_up()
    assert ["wake"] == keeper.took()


@pytest.mark.hazard("H09")
async def test_another_daemon_s_belt_that_starts_while_the_adapter_is_about_to_go_off_keeps_it_on(
    bluez, keeper
):
    await bluez.add_machine()
    words = iter([False])

    async def is_claimed():
        return next(words, True)

    keeper.host.claimed = is_claimed
    bluez.refuse["StartDiscovery"] = "InProgress"
    keeper.start(ADDRESS)
    await keeper.until(keeper.took)
    assert ["cycle!"] == keeper.took()
    assert bluez.asked("Set") == []


def allowing(word):
    async def allowed():
        return word

    return allowed


async def test_a_power_cycle_that_is_cancelled_leaves_the_adapter_on(bluez, monkeypatch):
    monkeypatch.setattr(remedies, "DARK", 60_000)
    cycling = asyncio.create_task(remedies.cycle("hci0", allowing(True)))
    async with asyncio.timeout(5):
        while (await read_tree()).adapters[0].powered:
            pass
    cycling.cancel()
    await asyncio.wait([cycling])
    assert (await read_tree()).adapters[0].powered


async def test_a_power_cycle_is_not_begun_when_a_belt_is_about_to_move(bluez):
    with pytest.raises(BluezError, match="moves or is about to"):
        await remedies.cycle("hci0", allowing(False))
    assert bluez.asked("Set") == []


async def test_a_connection_that_hides_a_strap_is_ended_and_others_are_not(bluez):
    await bluez.add_machine()
    await bluez.add_machine(address=OTHER)
    strap, other = [await bluez.leave_connection(address) for address in (ADDRESS, OTHER)]
    await remedies.release(ADDRESS.lower())
    assert [strap] == bluez.asked("Disconnect")
    held = [device.path for device in (await read_tree()).devices if device.connected]
    assert [other] == held


async def test_what_holds_no_connection_is_not_told_to_end_one(bluez, monkeypatch):
    await remedies.release(ADDRESS)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
    await remedies.release(ADDRESS)
    assert bluez.asked("Disconnect") == []


async def test_an_act_that_bluez_does_not_answer_comes_to_an_end(bluez, monkeypatch):
    monkeypatch.setattr(remedies, "FAREWELL", 100)
    bluez.frozen = True
    with pytest.raises(BluezError, match="no answer"):
        await remedies.close("/org/bluez/hci0/dev_C0_00_00_00_00_01")


async def test_what_bluez_does_not_know_cannot_be_forgotten(bluez):
    with pytest.raises(BluezError, match="DoesNotExist"):
        await remedies.forget("/org/bluez/hci0/dev_C0_00_00_00_00_01")
    assert bluez.asked("RemoveDevice") == ["/org/bluez/hci0"]
