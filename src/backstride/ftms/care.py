"""The care for connections over BlueZ: where to look, whose turn it is, and the remedies of `healing`.

Theory of operation
-------------------
A `Host` is shared by the treadmills of a process and knows what concerns all of them: whether any belt may
be moving, which treadmill an adapter connects at the moment, and when an adapter was last switched off
and on. A `Care` is one treadmill's. Before each attempt BlueZ's objects are read anew: adapters come and
go, and a connection that an earlier process left behind is only to be seen there. After each failure the
policy decides, and what it decides is done, logged with its reason, and told.

An adapter connects one machine at a time. Whose belt may be moving waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog
from bleak.backends.device import BLEDevice
from msgspec import Struct
from msgspec.structs import replace

from backstride.ftms import remedies
from backstride.ftms.adapters import choose, find_connected, find_known, is_named
from backstride.ftms.bluez import BluezError, Device, Tree, read_tree
from backstride.ftms.discovery import ByAddress, Target
from backstride.ftms.errors import (
    AmbiguousError,
    ConnectError,
    FtmsError,
    NotATreadmillError,
    NotFoundError,
    RadioError,
    ReadError,
    SubscribeError,
)
from backstride.ftms.gatt import demands_pairing
from backstride.ftms.healing import (
    Decision,
    Fault,
    History,
    Scene,
    Step,
    Trials,
    decide,
    note_fault,
    note_proven,
    note_step,
    note_taken,
)
from backstride.ftms.radio import adapter_of
from backstride.ports import Clock

_LOG: Final = structlog.get_logger("backstride.ftms")


class Healing(Struct, frozen=True, kw_only=True):
    """A step that was taken. `error` is why it was not done after all, in BlueZ's words."""

    treadmill: str
    step: str
    reason: str
    adapter: str | None = None
    address: str | None = None
    error: str | None = None


def judge(error: FtmsError, *, heard: bool) -> Fault | None:
    """What is at fault when an attempt failed; `heard`: the machine was there. None: nothing to mend."""
    match error:
        case RadioError():
            return Fault.RADIO
        case NotFoundError() | AmbiguousError():
            return Fault.UNHEARD
        case ConnectError():
            return Fault.UNREACHED if heard else Fault.UNHEARD
        case NotATreadmillError():
            return Fault.FOREIGN
        case ReadError() | SubscribeError():
            return Fault.REFUSED if demands_pairing(error.__cause__) else Fault.MUTE
        case _:
            return None


class Bearings(Struct, frozen=True):
    """Where to look: the adapters with their loads, or the connection that is there already."""

    loads: Mapping[str, int] = {}
    adopted: BLEDevice | None = None


class _Adapter:
    """What this process knows of an adapter besides what BlueZ says."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.busy = ""
        """What it does in this turn, after its name and before "first"."""
        self.tried: Trials = {}
        self.left_off = False


async def _nobody() -> bool:
    return False


class Host:
    """What the treadmills of one process share. `bus` is a D-Bus address, None for the system's.

    `at_rest` says that no belt of this process moves or is about to; without it, nothing is ever done that
    could take another treadmill's connection away. `claimed` says that a belt of any process of the host may
    be moving; it may take a second, and is asked only where it decides. `told` is called with each step that
    was taken.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        at_rest: Callable[[], bool] = lambda: False,
        claimed: Callable[[], Awaitable[bool]] = _nobody,
        told: Callable[[Healing], None] = lambda _: None,
        bus: str | None = None,
    ) -> None:
        self.clock = clock
        self.at_rest = at_rest
        self.claimed = claimed
        self.told = told
        self.bus = bus
        self.bound: dict[str, str] = {}
        """The address of each treadmill's machine, as far as it is known."""
        self._adapters: dict[str, _Adapter] = {}

    def adapter(self, name: str) -> _Adapter:
        """What is known of an adapter."""
        return self._adapters.setdefault(name, _Adapter())


class Care:
    """The care for one treadmill's connection. `moving` says that its belt may be moving."""

    def __init__(
        self,
        host: Host,
        treadmill: str,
        *,
        pinned: str | None = None,
        moving: Callable[[], bool] = lambda: True,
    ) -> None:
        self._host = host
        self._treadmill = treadmill
        self.moving = moving
        self._pinned = pinned
        self._told_of: str | None = None
        self._history = History()
        self._adapter: str | None = None
        self._log = _LOG.bind(treadmill=treadmill)

    # -- before an attempt ---------------------------------------------------------------------

    async def prepare(self, target: Target) -> Bearings:
        """Where to look for the machine now.

        Raises:
            RadioError: no adapter can carry the treadmill; the message says why.
        """
        if isinstance(target, ByAddress):
            self._host.bound[self._treadmill] = target.address
        try:
            tree = await read_tree(self._host.bus)
        except BluezError as error:
            raise RadioError(f"{error}; look: backstride doctor") from error
        taken = [a for who, a in self._host.bound.items() if who != self._treadmill]
        held = find_connected(tree, target, self._pinned, taken)
        if held is not None:
            self._adapter = held.adapter
            reason = "BlueZ is connected to it already, and so it does not advertise"
            if self._told_of != held.path:  # one that is of no use may be met many times
                self._tell(Decision(Step.ADOPT, reason), held.address)
            self._told_of = held.path
            return Bearings(adopted=_as_bleak(held))
        loads = choose(tree, self._pinned)
        self._adapter = next(iter(loads))
        return Bearings(loads=loads)

    @asynccontextmanager
    async def turn(self, device: BLEDevice, waiting: Callable[[str], None]) -> AsyncIterator[None]:
        """Connect inside. `waiting` is told, as a sentence, whom this treadmill waits for."""
        self._adapter = name = adapter_of(device)
        adapter = self._host.adapter(name)
        if self.moving():
            yield
            return
        if adapter.turn.locked():
            waiting(f"the adapter {name} {adapter.busy} first")
        async with adapter.turn:
            adapter.busy = f"connects {self._treadmill}"
            yield

    def note_up(self, address: str) -> None:
        """The machine of this treadmill is known from now on."""
        self._host.bound[self._treadmill] = address
        self._told_of = None

    def note_proven(self) -> None:
        """A connection lasted."""
        self._history = note_proven(self._history)

    # -- after a failure -----------------------------------------------------------------------

    async def heal(self, fault: Fault, address: str | None) -> Step:
        """Take the step that may help, if any, and return it."""
        self._history = note_fault(self._history, fault)
        try:
            tree = await read_tree(self._host.bus)
        except BluezError:
            return Step.RETRY  # bluetoothd is gone or hangs; the next attempt says so
        device = None if address is None else find_known(tree, address, self._pinned)
        name = device.adapter if device else self._name_adapter(tree)
        adapter = self._host.adapter(name or "")
        now, scene = self._host.clock.now(), self._scene(tree, device, name)
        decision = decide(self._history, scene, now, adapter.tried)
        if decision.step is Step.CYCLE and await self._host.claimed():
            decision = decide(self._history, replace(scene, at_rest=False), now, adapter.tried)
        step = decision.step
        if step is Step.RETRY:
            return step
        if step in {Step.CYCLE, Step.WAKE}:
            adapter.tried = note_step(adapter.tried, step, now)
        else:
            self._history = note_taken(self._history, step, now)
        self._adapter = name
        self._tell(decision, address, await self._take(step, device, name or "", adapter))
        return step

    def _name_adapter(self, tree: Tree) -> str | None:
        """The adapter of the last attempt, or the one that it would have used, had it come so far."""
        names = [a.name for a in tree.adapters if self._pinned is None or is_named(a, self._pinned)]
        return self._adapter if self._adapter in names else next(iter(names), None)

    def _scene(self, tree: Tree, device: Device | None, name: str | None) -> Scene:
        adapter = next((a for a in tree.adapters if a.name == name), None)
        mine = device is not None and device.connected
        others = tree.carried(name) - mine if name is not None else 0
        own = self._host.adapter(name or "")
        return Scene(
            moving=self.moving(),
            at_rest=self._host.at_rest(),
            known=device is not None,
            connected=mine,
            paired=device is not None and device.paired,
            powered=None if adapter is None else adapter.powered,
            others=others + own.turn.locked(),
            ours_off=own.left_off,
        )

    async def _take(
        self, step: Step, device: Device | None, name: str, adapter: _Adapter
    ) -> str | None:
        """Take a step. What BlueZ says when it is not done is returned, and is no error of ours."""
        bus, path = self._host.bus, device.path if device else ""
        try:
            match step:
                case Step.CLOSE:
                    await remedies.close(path, bus)
                case Step.FORGET:
                    await remedies.forget(path, bus)
                case Step.PAIR:
                    await remedies.pair(path, bus)
                case Step.WAKE:
                    await remedies.wake(name, bus)
                    adapter.left_off = False
                case Step.CYCLE:
                    await self._cycle(name, adapter)
                case _:
                    pass
        except BluezError as error:
            return error.detail
        return None

    async def _cycle(self, name: str, adapter: _Adapter) -> None:
        async def allowed() -> bool:
            adapter.left_off = not await self._host.claimed() and self._host.at_rest()
            return adapter.left_off

        async with adapter.turn:
            adapter.busy = "is switched off and on"
            await remedies.cycle(name, allowed, self._host.bus)
            adapter.left_off = False

    def _tell(self, decision: Decision, address: str | None, error: str | None = None) -> None:
        told = Healing(
            treadmill=self._treadmill,
            step=decision.step.value,
            reason=decision.reason,
            adapter=self._adapter,
            address=address,
            error=error,
        )
        log = self._log.warning if error is None else self._log.error
        log(
            "connection cared for",
            step=told.step,
            reason=told.reason,
            adapter=told.adapter,
            address=address,
            error=error,
        )
        self._host.told(told)


def _as_bleak(device: Device) -> BLEDevice:
    return BLEDevice(device.address, device.name, {"path": device.path, "props": {}})
