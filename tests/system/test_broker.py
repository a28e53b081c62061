"""A real broker that is absent, killed, frozen or restarted while a belt moves."""

from __future__ import annotations

import asyncio

import pytest

from backstride.domain.session import Options, Phase

TREADMILL = "home"


async def until(condition, within=120):
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  the dashboard that would tell has lost its broker, too
            await asyncio.sleep(0.1)


@pytest.mark.hazard("H12")
@pytest.mark.parametrize("how", ["killed", "suspended"])
def test_a_belt_whose_broker_is_gone_holds_and_comes_to_rest(how, make_gym, run_paced, judge):
    async def story():
        async with make_gym({TREADMILL: "ideal"}, options=Options(countdown=3_000)) as gym:
            await gym.reach(TREADMILL, "running")
            await asyncio.sleep(15)
            controller, machine = gym.controller(TREADMILL), gym.machine(TREADMILL)
            loop = asyncio.get_running_loop()
            if how == "killed":
                await gym.broker.kill()
            else:
                gym.broker.suspend()
            gone = loop.time()
            await until(lambda: controller.session.phase is Phase.HOLDING)
            held, target = loop.time(), controller.session.drive.target
            await until(lambda: controller.session.phase is Phase.SLOWING)
            slowed = loop.time()
            rises = [
                w
                for w in machine.log.speed_writes
                if w.at / 1_000 > held and w.speed_target > target
            ]
            await until(lambda: controller.session.phase is Phase.FAULTED)
            if how == "suspended":
                gym.broker.proceed()
            else:
                await gym.broker.start()
            return (
                held - gone,
                slowed - held,
                rises,
                controller.session.fault.cause,
                judge(machine, cap=200),
            )

    held, slowed, rises, cause, complaints = run_paced(story(), 20)
    # A broker that is gone is noticed at once; one that is frozen when it does not take a message.
    assert held <= (1 if how == "killed" else 12)
    assert 14.5 <= slowed <= 16.5
    assert ([], "broker_lost", []) == (rises, cause, complaints)


def test_a_broker_that_is_restarted_in_time_only_pauses_the_script(make_gym, run_paced, judge):
    async def story():
        async with make_gym({TREADMILL: "ideal"}, options=Options(countdown=3_000)) as gym:
            await gym.reach(TREADMILL, "running")
            controller = gym.controller(TREADMILL)
            await asyncio.sleep(12)
            await gym.broker.kill()
            await until(lambda: controller.session.phase is Phase.HOLDING)
            await asyncio.sleep(3)
            await gym.broker.start()
            await until(lambda: controller.session.phase is Phase.RUNNING)
            async with gym.visit() as dashboard:
                state = await dashboard.phase(TREADMILL, "running")
                assert dashboard.latest[TREADMILL]["availability"] == b"online"
                answer = await dashboard.send(TREADMILL, "stop")
                await dashboard.phase(TREADMILL, "finished")
            return state["alarm"], answer["reply"], judge(gym.machine(TREADMILL), cap=200)

    assert (None, "ok", []) == run_paced(story(), 20)


def test_a_daemon_without_a_broker_waits_for_it_and_then_works(make_gym, run_paced):
    async def story():
        async with make_gym({TREADMILL: "ideal"}, options=Options(countdown=3_000)) as gym:
            await gym.broker.kill()
            controller = gym.controller(TREADMILL)
            await until(lambda: not controller.session.bus)
            await asyncio.sleep(120)
            assert controller.session.phase is Phase.IDLE
            await gym.broker.start()
            await until(lambda: controller.session.bus)
            async with gym.visit() as dashboard:
                gym.dashboard = dashboard
                await gym.reach(TREADMILL, "running")
                await dashboard.send(TREADMILL, "stop")
                await dashboard.phase(TREADMILL, "finished")
            return gym.machine(TREADMILL).drive.belt.value

    assert run_paced(story(), 20) == 0
