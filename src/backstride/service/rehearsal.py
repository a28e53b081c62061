"""A commissioning rehearsed: the real wizard on a virtual machine, in virtual time, with a robot person.

The robot looks at the truth of the machine, as a person's eyes do: whether the belt moves, how often a mark
on it came by. What it presses is the machine's own console. It never looks at the telemetry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from backstride.domain.commissioning import Finding, Sheet
from backstride.domain.judgement import Laps
from backstride.domain.units import SECOND, Ms
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.ftms.treadmill import BleakTreadmill
from backstride.service.clock import LoopClock
from backstride.service.commissioning import Commissioner
from backstride.service.person import Deed
from backstride.service.trial import Trial
from backstride.virtual.clock import run_virtual
from backstride.virtual.gatt import Uuid
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import ConnectionRefusedByMachineError, Machine
from backstride.virtual.model import MachineModel
from backstride.virtual.pump import Pump

BELT: Final = 2_600
"""Length of the robot's belt, mm: a home treadmill's loop is 2.5 to 3.3 m [CHOICE]."""
LAPS: Final = 3
PATIENCE: Final[Ms] = 120 * SECOND
"""A belt that does not come round so often in this time is not counted."""
REACTION: Final[Ms] = 1 * SECOND
GLANCE: Final[Ms] = 50
"""How exactly a person sees a mark pass."""
PHONE: Final = "phone"
REQUEST_CONTROL: Final = b"\x00"


class Robot:
    """The person of a rehearsal. `refuses` are the deeds that it will not or cannot do."""

    def __init__(self, pump: Pump[Machine], refuses: frozenset[Deed] = frozenset()) -> None:
        self.deeds: list[Deed] = []
        self._pump = pump
        self._refuses = refuses

    async def do(self, deed: Deed) -> bool:
        """Do it, after a person's reaction time."""
        await asyncio.sleep(REACTION / SECOND)
        self.deeds.append(deed)
        if deed in self._refuses:
            return False
        match deed:
            case Deed.OTHER_APP:
                return self._open_app()
            case Deed.CLOSE_APP:
                self._pump.disconnect(PHONE)
            case _:
                self._pump.act(lambda machine, now: _act(deed, machine, now))
        return True

    def _open_app(self) -> bool:
        try:
            self._pump.connect(PHONE)
        except ConnectionRefusedByMachineError:
            return False
        self._pump.subscribe(PHONE, Uuid.CONTROL_POINT, on=True)
        self._pump.write(PHONE, Uuid.CONTROL_POINT, REQUEST_CONTROL, response=True)
        return True

    async def sees_motion(self) -> bool:
        """Look at the belt itself."""
        await asyncio.sleep(REACTION / SECOND)
        self._pump.kick()
        return self._pump.machine.drive.belt.value > 0

    async def count_laps(self) -> Laps | None:
        """Watch a mark on the belt come round."""
        first, begun = self._travel(), self._pump.now_ms()
        while self._travel() - first < LAPS * BELT:
            if self._pump.now_ms() - begun > PATIENCE:
                return None
            await asyncio.sleep(GLANCE / SECOND)
        return Laps(count=LAPS, belt=BELT, time=self._pump.now_ms() - begun)

    def _travel(self) -> int:
        self._pump.kick()
        self._pump.act(lambda machine, now: machine.drive.advance(now))
        return self._pump.machine.drive.belt.millimetres


def _act(deed: Deed, machine: Machine, now: Ms) -> None:
    console, speed = machine.console, machine.model.speed
    match deed:
        case Deed.PRESS_START:
            console.press_start(now)
        case Deed.PRESS_STOP:
            console.press_stop(now)
        case Deed.PRESS_FASTER:
            console.press_speed(machine.drive.target + speed.step, now)
        case Deed.PULL_KEY | Deed.PULL_KEY_NOW:
            console.pull_key(now)
        case Deed.INSERT_KEY:
            console.insert_key(now)
        case Deed.LEVEL_DECK:
            console.press_incline(0, now)
        case _:
            pass  # nothing to be done at the machine


class Rehearsal(Struct, frozen=True):
    """How it went: the sheet, and the machine with its log of what was true."""

    sheet: Sheet
    machine: Machine
    robot: Robot


async def perform(
    model: MachineModel,
    refuses: frozenset[Deed] = frozenset(),
    report: Callable[[Finding], None] | None = None,
) -> Rehearsal:
    """Rehearse on the running (virtual) loop."""
    air, clock = LoopbackAir(), LoopClock()
    machine = Machine(model, keep_sent=False)
    pump = await air.serve(machine)
    robot = Robot(pump, refuses)
    treadmill = BleakTreadmill(
        ByAddress(machine.address),
        clock=clock,
        radio=Radio(client=air.client_backend(), scanner=air.scanner_backend()),
    )
    try:
        wizard = Commissioner(Trial(treadmill, clock), robot, report)
        date = datetime.now(UTC).date().isoformat()
        sheet = await wizard.run(model.key, date, "a rehearsal")
    finally:
        await air.close()
    return Rehearsal(sheet, machine, robot)


def rehearse(
    model: MachineModel,
    refuses: frozenset[Deed] = frozenset(),
    report: Callable[[Finding], None] | None = None,
) -> Rehearsal:
    """Commission a virtual machine in virtual time.

    Raises:
        CommissioningError: nothing came of it.
    """
    main: Any = perform(model, refuses, report)
    result: Rehearsal = run_virtual(main)
    return result
