from __future__ import annotations

import pytest

from backstride.ftms.adapters import SLOTS, choose, find_connected, find_known
from backstride.ftms.bluez import Adapter, Device, Tree
from backstride.ftms.discovery import ByAddress, ByName, OnlyOne, prefer
from backstride.ftms.errors import RadioError

ADDRESS = "C0:00:00:00:00:01"


def adapter(name="hci0", *, powered=True):
    return Adapter(name=name, address=f"11:22:33:44:55:0{name[3]}", alias="pi", powered=powered)


def device(address=ADDRESS, on="hci0", *, connected=True, treadmill=True, name="FS-1"):
    return Device(
        adapter=on,
        address=address,
        name=name,
        paired=False,
        trusted=False,
        connected=connected,
        blocked=False,
        treadmill=treadmill,
        path=f"/org/bluez/{on}/dev_{address.replace(':', '_')}",
    )


def tree(*objects):
    return Tree(
        adapters=tuple(one for one in objects if isinstance(one, Adapter)),
        devices=tuple(one for one in objects if isinstance(one, Device)),
    )


FULL = [device(f"D0:00:00:00:00:0{n}") for n in range(SLOTS)]


@pytest.mark.parametrize(
    ("objects", "pinned", "expected"),
    [
        ([], None, r"a Bluetooth adapter is not there \(there: none\)"),
        (
            [adapter()],
            "hci1",
            r"the adapter hci1 is not there \(there: hci0 \(11:22:33:44:55:00\)\)",
        ),
        ([adapter(powered=False)], None, "the adapter hci0 is off; switch it on"),
        ([adapter(), *FULL], None, "hci0 carries 7 connections, and no more fit"),
    ],
    ids=["none", "not this one", "off", "full"],
)
def test_why_no_adapter_can_carry_the_treadmill_is_said(objects, pinned, expected):
    with pytest.raises(RadioError, match=expected):
        choose(tree(*objects), pinned)


@pytest.mark.parametrize("pinned", ["hci1", "HCI1", "11:22:33:44:55:01"])
def test_a_pin_names_an_adapter_by_name_or_address(pinned):
    assert {"hci1": 0} == choose(tree(adapter(), adapter("hci1")), pinned)


def test_full_and_switched_off_adapters_are_left_out_where_there_are_others():
    there = tree(adapter(), adapter("hci1"), adapter("hci2", powered=False), *FULL)
    assert {"hci1": 0} == choose(there, None)


@pytest.mark.parametrize(
    ("heard", "loads", "expected"),
    [
        ({"hci0": -70, "hci1": -60}, {}, "hci1"),
        ({"hci0": -70, "hci1": -60}, {"hci1": 2}, "hci0"),
        ({"hci0": -60, "hci1": -60}, {}, "hci0"),
        ({"hci0": None, "hci1": -90}, {}, "hci1"),
    ],
)
def test_signal_and_load_decide_between_adapters(heard, loads, expected):
    assert expected == prefer(heard, loads)


@pytest.mark.parametrize(
    ("target", "fits"),
    [
        (ByAddress(ADDRESS.lower()), True),
        (ByName("fs-1"), True),
        (OnlyOne(), True),
        (ByAddress("C0:00:00:00:00:09"), False),
        (ByName("FS-2"), False),
    ],
)
def test_a_machine_that_is_connected_already_is_known_by_what_is_looked_for(target, fits):
    held = device()
    assert (held if fits else None) == find_connected(tree(adapter(), held), target, None, [])


@pytest.mark.parametrize(
    "objects",
    [
        [device(connected=False)],
        [device(treadmill=False)],
        [device(), device("C0:00:00:00:00:02")],
        [device(on="hci1")],
    ],
    ids=["not connected", "no treadmill", "two of them", "on another adapter"],
)
def test_what_is_not_surely_ours_is_not_taken_over(objects):
    there = tree(adapter(), adapter("hci1"), *objects)
    assert find_connected(there, OnlyOne(), "hci0", []) is None


def test_a_machine_of_another_treadmill_of_ours_is_not_taken_over():
    assert find_connected(tree(adapter(), device()), OnlyOne(), None, [ADDRESS.lower()]) is None


def test_of_what_bluez_knows_twice_the_connected_one_is_meant():
    idle, held = device(connected=False), device(on="hci1")
    there = tree(adapter(), adapter("hci1"), idle, held)
    assert held == find_known(there, ADDRESS.lower(), None)
    assert idle == find_known(there, ADDRESS, "hci0")
    assert find_known(there, "C0:00:00:00:00:09", None) is None
