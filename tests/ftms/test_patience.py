from __future__ import annotations

import asyncio

import pytest
from bleak.exc import BleakError

from backstride.ftms.patience import GRACE, bound


def test_what_ends_in_time_is_returned_or_raised(in_virtual_time):
    async def good():
        await asyncio.sleep(1)
        return "done"

    async def bad():
        raise BleakError("not done")

    async def story():
        assert await bound(good(), 2_000) == "done"
        with pytest.raises(BleakError, match="not done"):
            await bound(bad(), 2_000)

    in_virtual_time(story)


@pytest.mark.hazard("H09", "H24")
def test_what_hangs_even_when_it_is_cancelled_is_left_behind(in_virtual_time):
    released = asyncio.Event()

    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            await released.wait()
            raise BleakError("nobody listens any more")

    async def story():
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            await bound(stubborn(), 2_000)
        took = round((loop.time() - began) * 1_000)
        released.set()
        await asyncio.sleep(1)
        return took

    assert in_virtual_time(story) == 2_000 + GRACE


def test_what_tidies_up_is_waited_for(in_virtual_time):
    tidied = []

    async def tidy():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(GRACE / 2_000)
            tidied.append(True)

    async def story():
        with pytest.raises(TimeoutError):
            await bound(tidy(), 1_000)
        return list(tidied)

    assert in_virtual_time(story) == [True]


def test_a_cancellation_from_outside_goes_through(in_virtual_time):
    async def story():
        inner = asyncio.Event()
        task = asyncio.create_task(bound(inner.wait(), 60_000))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert in_virtual_time(story)
