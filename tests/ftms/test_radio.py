from __future__ import annotations

from backstride.ftms.radio import Radio

ADDRESS = "C0:00:00:00:00:01"


async def test_the_platforms_memory_is_asked_without_harm_where_there_is_no_bluez(monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
    radio = Radio()
    assert await radio.recall(ADDRESS) is None
    await radio.forget(ADDRESS)
    await radio.end_ghosts(ADDRESS)


async def test_another_radio_has_no_memory_of_the_platforms():
    assert await Radio(client=object).recall(ADDRESS) is None


async def test_a_chosen_adapter_is_not_overruled_by_the_memory_of_another():
    assert await Radio(adapter="hci1").recall(ADDRESS) is None
