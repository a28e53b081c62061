import asyncio
import socket
import time

import pytest

from backstride.virtual.clock import DeadlockError, run_accelerated, run_virtual


def test_a_day_passes_at_once():
    async def sleep_a_day():
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_virtual(sleep_a_day()) == 86_400
    assert time.perf_counter() - began < 60


def test_virtual_time_does_not_drift():
    async def tick():
        loop = asyncio.get_running_loop()
        for _ in range(10_000):
            await asyncio.sleep(0.1)
        return loop.time()

    assert run_virtual(tick()) == pytest.approx(1_000, abs=1e-4)


def test_timers_fire_in_order():
    async def run():
        seen = []
        loop = asyncio.get_running_loop()
        for delay in (3, 1, 2):
            loop.call_later(delay, seen.append, delay)
        await asyncio.sleep(4)
        return seen

    assert run_virtual(run()) == [1, 2, 3]


def test_a_timeout_is_virtual_too():
    async def wait_for_nothing():
        async with asyncio.timeout(30):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_virtual(wait_for_nothing())


def test_a_deadlock_is_an_error_that_names_the_waiting_task():
    async def wait_forever():
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="wait_forever"):
        run_virtual(wait_forever())


def test_the_clock_stands_still_while_a_thread_works():
    async def work():
        loop = asyncio.get_running_loop()
        ticks = []

        async def tick():
            while True:
                ticks.append(loop.time())
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        await asyncio.to_thread(time.sleep, 0.05)
        ticking.cancel()
        return len(ticks)

    assert run_virtual(work()) <= 2


def test_real_descriptors_are_served():
    async def talk():
        left, right = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=left)
        right.sendall(b"hello")
        data = await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        right.close()
        return data

    assert run_virtual(talk()) == b"hello"


def test_the_accelerated_clock_runs_faster_than_the_wall():
    async def sleep_a_minute():
        await asyncio.sleep(60)

    began = time.monotonic()
    run_accelerated(sleep_a_minute(), 200)
    assert 0.3 <= time.monotonic() - began < 30


def test_a_factor_must_be_positive():
    coroutine = asyncio.sleep(0)
    with pytest.raises(ValueError, match="above 0"):
        run_accelerated(coroutine, 0)
    coroutine.close()
