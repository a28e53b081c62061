"""The virtual strap as a client meets it: what it offers, refuses and says."""

import pytest

from backstride.virtual.gatt import AttError, Property, Uuid
from backstride.virtual.machine import ConnectionRefusedByMachineError
from backstride.virtual.outbox import Kind
from backstride.virtual.strap import Mood, StrapModel, VirtualStrap

RATE = Uuid.HEART_RATE_MEASUREMENT


def listening(strap, client="a"):
    strap.connect(client, 0)
    strap.subscribe(client, RATE, 0)
    return strap


def test_it_offers_what_its_model_has_and_nothing_can_be_written():
    strap = VirtualStrap()
    assert {RATE, Uuid.BODY_SENSOR_LOCATION, Uuid.BATTERY_LEVEL} == {
        one.uuid for one in strap.characteristics
    }
    assert (b"\x01", b"\x50") == (
        strap.read(Uuid.BODY_SENSOR_LOCATION, 0),
        strap.read(Uuid.BATTERY_LEVEL, 0),
    )
    assert not any(Property.WRITE in one.properties for one in strap.characteristics)
    with pytest.raises(AttError):
        strap.write(RATE, b"\0", 0, "a")
    with pytest.raises(AttError):
        strap.read(RATE, 0)


def test_it_takes_one_client_and_is_heard_by_others_only_without_one():
    strap = VirtualStrap()
    assert (int(Uuid.HEART_RATE),) == strap.advertisement.service_uuids
    strap.connect("a", 0)
    assert strap.advertisement is None
    with pytest.raises(ConnectionRefusedByMachineError):
        strap.connect("b", 0)
    strap.disconnect("b", 0)
    assert strap.advertisement is None
    strap.disconnect("a", 0)
    strap.connect("b", 0)


def test_it_measures_once_a_second_while_somebody_listens():
    strap = VirtualStrap()
    assert strap.next_due() is None
    listening(strap)
    assert 1_000 == strap.next_due()
    at = [output.at for output in strap.advance(3_500)]
    assert [1_000, 2_000, 3_000] == at
    strap.unsubscribe("a", RATE, 3_500)
    assert ([], None) == (strap.advance(9_000), strap.next_due())


@pytest.mark.parametrize(
    ("model", "bpm", "expected"),
    [
        (StrapModel(), 72, "16 48 55 03"),
        (StrapModel(wide=True, intervals=False), 72, "07 48 00"),
        (StrapModel(tells_contact=False, intervals=False), 72, "00 48"),
        (StrapModel(intervals=False), 300, "07 2C 01"),
    ],
)
def test_a_measurement_is_written_as_specified(model, bpm, expected):
    assert bytes.fromhex(expected) == VirtualStrap(model).encode(bpm)


def test_a_flat_battery_ends_the_link_and_takes_no_other():
    strap = listening(VirtualStrap())
    strap.set_mood(Mood.FLAT, 500)
    assert [Kind.DISCONNECT, Kind.ADVERTISE] == [output.kind for output in strap.advance(500)]
    strap.disconnect("a", 500)
    with pytest.raises(ConnectionRefusedByMachineError):
        strap.connect("a", 600)
    assert strap.advertisement is None
