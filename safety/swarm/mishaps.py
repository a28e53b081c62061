"""What each kind of mishap does to a world. `draw.KINDS` says how they are drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from backstride.domain.events import Ask
from backstride.domain.units import Ms
from backstride.virtual.fault_kinds import (
    Corrupt,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    Fault,
    Freeze,
    Mismatch,
    Refuse,
    Reset,
    Scope,
    Stream,
    TakeControl,
)
from backstride.virtual.gatt import AttError, Uuid
from backstride.virtual.log import STOP, Op
from backstride.virtual.machine import ConnectionRefusedByMachineError, Machine
from safety.swarm.plan import Mishap
from safety.swarm.world import World

PHONE: Final = "phone"
NOT_PERMITTED: Final = 5
"""The result code by which a machine says that somebody else controls it."""
OPCODES: Final = {
    "control": Op.REQUEST_CONTROL,
    "speed": Op.SPEED,
    "incline": Op.INCLINE,
    "start": Op.START,
    "stop": Op.STOP_OR_PAUSE,
    "everything": None,
}


def strike(world: World, mishap: Mishap) -> bool:
    """Let it happen. False when there is nothing that it could happen to."""
    return _STRIKES[mishap.kind](world, mishap)


def calm(world: World) -> None:
    """End everything that still goes on."""
    world.faults.clear()
    world.radio.lag = 0
    world.loop.latency = 0
    world.disk.broken = False
    world.broker.lost_cues, world.broker.cue_delay = 0, 5
    world.mail = ""
    world.strap.mood = ""
    world.letters.clear()
    world.broker.turn(up=True)
    world.pump.act(_part)


def _part(machine: Machine, now: Ms) -> None:
    machine.disconnect(PHONE, now)
    if not machine.drive.key_in:
        machine.console.insert_key(now)


# -- the link --------------------------------------------------------------------------------------


def _plan(world: World, fault: Fault) -> bool:
    world.faults.plan(fault)
    world.pump.kick()
    return True


def _frames(make: Callable[[Stream, Scope], Fault]) -> Callable[[World, Mishap], bool]:
    def strike_frames(world: World, m: Mishap) -> bool:
        scope = Scope(lasting=m.lasting, percent=m.percent)
        return _plan(world, make(Stream[m.what.upper()], scope))

    return strike_frames


def _delay(world: World, m: Mishap) -> bool:
    scope = Scope(lasting=m.lasting, percent=m.percent)
    return _plan(world, Delay(Stream[m.what.upper()], scope, by=m.value))


def _refuse(world: World, m: Mishap) -> bool:
    if m.value == NOT_PERMITTED:
        world.machine.log.add(world.machine_now(), "control taken")
    return _plan(world, Refuse(OPCODES[m.what], m.value, Scope(times=m.times)))


def _silence(world: World, m: Mishap) -> bool:
    return _plan(world, Refuse(None, None, Scope(lasting=m.lasting)))


def _disconnect(world: World, m: Mishap) -> bool:
    return _plan(world, Disconnect(m.lasting))


def _lag(world: World, m: Mishap) -> bool:
    world.radio.lag = m.value
    world.later(m.lasting, lambda: setattr(world.radio, "lag", 0))
    return True


# -- the machine -----------------------------------------------------------------------------------


def _console(world: World, m: Mishap) -> bool:
    def press(machine: Machine, now: Ms) -> None:
        console = machine.console
        match m.what:
            case "speed":
                console.press_speed(m.value, now)
            case "incline":
                console.press_incline(m.value, now)
            case button:
                getattr(console, button.replace(" ", "_"))(now)

    world.pump.act(press)
    return True


def _take_control(world: World, _: Mishap) -> bool:
    """The machine says that somebody else controls it now (FF)."""
    world.machine.log.add(world.machine_now(), "control taken")
    return _plan(world, TakeControl())


def _phone(world: World, m: Mishap) -> bool:
    """Another app at the same machine: connects, takes control, and does as it likes."""
    done = True

    def act(machine: Machine, now: Ms) -> None:
        nonlocal done
        if PHONE not in machine.clients:
            try:
                machine.connect(PHONE, now)
            except ConnectionRefusedByMachineError:
                done = False
                return
            machine.subscribe(PHONE, Uuid.CONTROL_POINT, now)
        frames = {
            "look": (),
            "take": (b"\x00",),
            "speed": (b"\x00", b"\x02" + m.value.to_bytes(2, "little")),
            "start": (b"\x00", b"\x07"),
            "stop": (b"\x00", STOP),
            "leave": (),
        }[m.what]
        for number, frame in enumerate(frames):
            world.later(100 * number, _write_as_phone, world, frame)
        if m.what == "leave":
            machine.disconnect(PHONE, now)

    world.pump.act(act)
    return done


def _write_as_phone(world: World, frame: bytes) -> None:
    for response in (True, False):
        try:
            world.pump.write(PHONE, Uuid.CONTROL_POINT, frame, response=response)
        except AttError:
            continue
        return


# -- broker and people -------------------------------------------------------------------------------


def _broker(world: World, m: Mishap) -> bool:
    world.broker.turn(up=False)
    world.later(m.lasting, lambda: world.broker.turn(up=True))
    return True


def _cues(world: World, m: Mishap) -> bool:
    world.broker.lost_cues, world.broker.cue_delay = m.percent, m.value
    world.later(m.lasting, lambda: setattr(world.broker, "lost_cues", 0))
    return True


def _mail(world: World, m: Mishap) -> bool:
    world.mail, world.mail_delay = m.what, m.value

    def end() -> None:
        world.mail = ""
        letters, world.letters = world.letters, []
        world.rng.shuffle(letters)
        for ident, payload in letters:
            world.broker.send(ident, payload)

    world.later(m.lasting, end)
    return True


def _ask(world: World, m: Mishap) -> bool:
    if Ask(m.what) is Ask.ACKNOWLEDGE and not world.stands():
        return False
    world.ask(Ask(m.what))
    return True


def _strap(world: World, m: Mishap) -> bool:
    """What the strap says is high, false, absurd or nothing for a while."""
    if not world.plan.strap:
        return False
    world.strap.mood = m.what
    world.later(m.lasting, lambda: setattr(world.strap, "mood", ""))
    return True


# -- the host ----------------------------------------------------------------------------------------


def _stall(world: World, m: Mishap) -> bool:
    world.loop.stall(m.value)
    return True


def _sleep(world: World, m: Mishap) -> bool:
    """The host sleeps: its clock stops, the machine's does not. What was sent meanwhile may be heard."""
    if m.what != "heard":
        world.faults.plan(Drop(Stream.EVERYTHING, Scope(lasting=m.value)))
        world.pump.kick()
    world.slept += m.value
    world.pump.oversleep(m.value)
    if m.what == "unlinked":
        world.pump.act(lambda machine, now: machine.drop_clients(now))
    return True


def _full_disk(world: World, m: Mishap) -> bool:
    world.disk.broken = True
    world.later(m.lasting, lambda: setattr(world.disk, "broken", False))
    return True


def _slow_disk(world: World, m: Mishap) -> bool:
    world.loop.latency = m.value
    world.later(m.lasting, lambda: setattr(world.loop, "latency", 0))
    return True


# -- the process -------------------------------------------------------------------------------------


def _crash(world: World, m: Mishap) -> bool:
    """The process is killed; its link lasts until somebody notices."""
    if world.process.life.over or world.process.task.done():
        return False
    world.process.life.over = True
    world.broker.detach()
    world.later(m.value, _hang_up, world)
    world.later(max(m.lasting, m.value + 100), _begin, world)
    return True


def _hang_up(world: World) -> None:
    world.pump.act(lambda machine, now: machine.drop_clients(now))


def _begin(world: World) -> None:
    if world.process.life.over or world.process.task.done():
        world.begin_life()


def _power_cut(world: World, m: Mishap) -> bool:
    if not _crash(world, m):
        return False
    world.disk.cut_power()
    world.booted = world.machine_now()
    return True


def _sigterm(world: World, m: Mishap) -> bool:
    """The service is told to end, ends in its own time, and is started again."""
    process = world.process
    if process.life.over or process.task.done():
        return False

    async def end() -> None:
        await process.controller.shut_down()
        process.task.cancel()
        await asyncio.wait({process.task})
        world.later(m.lasting, _begin, world)

    process.ending = process.life.do(lambda: asyncio.create_task(end(), name="sigterm"))
    return True


_STRIKES: Final[dict[str, Callable[[World, Mishap], bool]]] = {
    "drop": _frames(Drop),
    "delay": _delay,
    "duplicate": _frames(Duplicate),
    "corrupt": _frames(Corrupt),
    "mismatch": _frames(Mismatch),
    "freeze": _frames(Freeze),
    "refuse": _refuse,
    "silence": _silence,
    "lag": _lag,
    "disconnect": _disconnect,
    "console": _console,
    "phone": _phone,
    "take control": _take_control,
    "reset": lambda world, _: _plan(world, Reset()),
    "broker": _broker,
    "cues": _cues,
    "mail": _mail,
    "ask": _ask,
    "stall": _stall,
    "sleep": _sleep,
    "full disk": _full_disk,
    "slow disk": _slow_disk,
    "crash": _crash,
    "power cut": _power_cut,
    "sigterm": _sigterm,
    "strap": _strap,
}
