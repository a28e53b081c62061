"""A home in the virtual machine: the guest, its broker and daemon, and treadmills on the air around it.

The belts are judged at the treadmills themselves, on the host; everything else is what a person or a
dashboard in that home could do or see.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Self

from msgspec.structs import replace

from backstride.virtual.catalogue import load_machine
from backstride.virtual.fault_script import plan_script
from backstride.virtual.faults import Faults
from backstride.virtual.log import Phase
from backstride.virtual.machine import Machine
from backstride.virtual.peripheral import Peripheral
from tools.vm.air import Air
from tools.vm.guest import Guest, GuestError

PATIENCE_S: Final = 90.0
_LOOK_S: Final = 0.02
ANSWER_S: Final = 20.0
ATTEMPTS: Final = 4
FRESH: Final = "-V 5 -D publish message-expiry-interval 10"
CONFIG: Final = "/etc/backstride/backstride.toml"


class Belt:
    """One treadmill, as somebody who stands beside it knows it."""

    def __init__(self, name: str, machine: Machine) -> None:
        self.name = name
        self.machine = machine
        self.faults = Faults(machine)
        self.peripheral: Peripheral[Machine]

    @classmethod
    async def switch_on(cls, air: Air, name: str, *, encrypted: bool = False) -> Self:
        """A treadmill on the air; `encrypted`: its control point wants a link with a key."""
        now = round(asyncio.get_running_loop().time() * 1000)
        number = sum(name.encode())
        ideal = load_machine("ideal")
        model = replace(ideal, link=replace(ideal.link, encrypted=encrypted))
        machine = Machine(model, now_ms=now, address=f"C5:86:7D:7B:70:{number % 256:02X}")
        belt = cls(name, machine)
        belt.peripheral = await air.serve(machine, belt.faults)
        return belt

    @property
    def now(self) -> int:
        """The treadmill's clock, ms; also that of its log."""
        return self.peripheral.pump.now_ms()

    @property
    def speed(self) -> int:
        """The truth, 0.01 km/h."""
        self.peripheral.pump.kick()
        return self.machine.drive.belt.value

    def press_start(self) -> None:
        """A person presses Start."""
        self.peripheral.pump.act(lambda machine, now: machine.console.press_start(now))

    def press_stop(self) -> None:
        """A person presses Stop."""
        self.peripheral.pump.act(lambda machine, now: machine.console.press_stop(now))

    async def admit(self, clients: int) -> None:
        """From now on it takes so many connections at once, and advertises until it has them."""
        model = self.machine.model
        self.machine.model = replace(model, link=replace(model.link, clients=clients))
        await self.peripheral._advertise()

    async def forget_keys(self) -> None:
        """It forgets whom it is paired with, as after a reset to its factory settings."""
        keys = self.peripheral._device.keystore
        assert keys is not None  # noqa: S101  Bumble makes one with each device
        await keys.delete_all()

    def fail(self, script: str) -> None:
        """Plan faults, in the words of `virtual.fault_script`."""
        plan_script(self.faults, script)
        self.peripheral.pump.kick()

    def heal(self) -> None:
        """End all faults."""
        self.faults.clear()
        self.peripheral.pump.kick()

    @property
    def is_held(self) -> bool:
        """Whether a central is connected."""
        return bool(self.peripheral._links)

    def rested_at(self, since: int) -> int | None:
        """When it came to rest for the first time after `since`, by its clock."""
        self.peripheral.pump.kick()
        rests = [h.at for h in self.machine.log.find("phase") if h.detail == Phase.REST.name]
        return next((at for at in rests if at >= since), None)

    async def rest(self, since: int, within: float = PATIENCE_S) -> float:
        """Wait for the belt to stand; the seconds that it took since `since`."""
        await until(lambda: self.speed == 0 and self.rested_at(since) is not None, within, self)
        rested = self.rested_at(since)
        assert rested is not None  # noqa: S101  it was just waited for
        return (rested - since) / 1000

    def __repr__(self) -> str:
        return f"{self.name} at {self.speed / 100:.2f} km/h"


async def until(condition: Callable[[], object], within: float, what: object = None) -> None:
    """Wait for what happens outside of this process's events.

    Raises:
        AssertionError: it does not come true in time.
    """
    try:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110  it happens in another machine
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise AssertionError(f"not within {within:.0f} s: {what!r}") from None


class Home:
    """The guest with a broker, a daemon and belts; `topics` is what the broker told last."""

    def __init__(self, guest: Guest, air: Air) -> None:
        self.guest = guest
        self.air = air
        self.belts: dict[str, Belt] = {}
        self.topics: dict[str, Any] = {}
        self.heard: list[tuple[float, str, Any]] = []

    # -- what a dashboard does -----------------------------------------------------------------

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Listen to the broker while in the context, whatever becomes of it."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()

    async def _follow(self) -> None:
        while True:
            async with self.guest.stream("mosquitto_sub -v -t 'backstride/#'") as output:
                while line := (await output.readline()).decode(errors="replace").strip():
                    topic, _, payload = line.partition(" ")
                    self._hear(topic.removeprefix("backstride/"), payload)
            await asyncio.sleep(1)

    def _hear(self, topic: str, payload: str) -> None:
        try:
            value = json.loads(payload)
        except ValueError:
            value = payload
        self.topics[topic] = value
        self.heard.append((asyncio.get_running_loop().time(), topic, value))

    def state(self, belt: Belt) -> dict[str, Any]:
        """The newest state, or nothing."""
        state = self.topics.get(f"{belt.name}/state")
        return state if isinstance(state, dict) else {}

    def phase(self, belt: Belt) -> str | None:
        """The newest phase; None while the daemon is away."""
        online = self.topics.get(f"{belt.name}/availability") == "online"
        return self.state(belt).get("phase") if online else None

    async def until_phase(self, belt: Belt, *phases: str, within: float = PATIENCE_S) -> None:
        """Wait for one of the phases."""
        try:
            await until(lambda: self.phase(belt) in phases, within)
        except AssertionError:
            seen = self.state(belt)
            told = {key: seen.get(key) for key in ("phase", "sentence", "alarm", "link")}
            raise AssertionError(
                f"{belt!r} is never {phases} in {within:.0f} s, but {told}"
            ) from None

    async def command(self, belt: Belt, name: str, payload: str | None = None) -> str:
        """Publish a command as README shows it, and wait for the answer's code."""
        topic = f"{belt.name}/response"
        self.topics.pop(topic, None)
        message = "-n" if payload is None else f"-m '{payload}'"
        await self.guest.run(
            f"mosquitto_pub {FRESH} -t backstride/{belt.name}/command/{name} {message}"
        )
        await until(lambda: topic in self.topics, ANSWER_S, f"an answer to {name}")
        code: str = self.topics[topic]["code"]
        return code

    async def life(self, belt: Belt, since: int) -> float:
        """Wait for the first sign of a new life of the daemon; the seconds since then."""
        boots = {
            value["boot"]
            for at, topic, value in self.heard
            if _is_state(topic, belt) and at * 1000 < since
        }
        signs: list[float] = []

        def look() -> bool:
            signs[:] = [
                at
                for at, topic, value in self.heard
                if _is_state(topic, belt) and value["boot"] not in boots
            ]
            return bool(signs)

        await until(look, PATIENCE_S, "a new life")
        return signs[0] - since / 1000

    # -- what a walker does --------------------------------------------------------------------

    async def settle(self, belt: Belt) -> None:
        """Wait for the treadmill to be ready for a session; a fault is acknowledged."""
        async with asyncio.timeout(PATIENCE_S * 2):
            while True:
                await self.until_phase(
                    belt, "idle", "faulted", "finished", "handed_over", within=PATIENCE_S * 2
                )
                if self.phase(belt) == "idle" and self.state(belt)["speed"]["measured"] == 0:
                    return
                if self.phase(belt) != "idle":
                    await self.command(belt, "acknowledge")
                await asyncio.sleep(_LOOK_S * 10)

    async def walk(self, belt: Belt, program: str = "long") -> None:
        """Arm, confirm, press Start, and be guided by the daemon on a moving belt.

        A guest that gets no processor for a second is disarmed, and rightly so: then once more.
        """
        for _ in range(ATTEMPTS):
            await self.settle(belt)
            await self.command(belt, "start", program)
            if await self.command(belt, "confirm") != "countdown":
                continue
            await self.until_phase(belt, "starting", "idle", "faulted")
            if self.phase(belt) == "starting":
                await self.press_when_asked(belt)
                return
        raise AssertionError(f"{belt!r} cannot be walked on: {self.state(belt)}")

    async def press_when_asked(self, belt: Belt) -> None:
        """The countdown, Start at the console, and the daemon takes the belt over."""
        await self.until_phase(belt, "starting")
        belt.press_start()
        await self.until_phase(belt, "running")
        await until(lambda: belt.speed > 0, PATIENCE_S, belt)

    # -- what an administrator does ------------------------------------------------------------

    async def unit(self, name: str, unit: str = "backstride") -> str:
        """A property of a unit."""
        return (await self.guest.run(f"systemctl show -P {name} {unit}")).strip()

    async def until_unit(self, name: str, value: str, within: float = PATIENCE_S) -> None:
        """Wait for a property of the daemon's unit."""
        try:
            async with asyncio.timeout(within):
                while await self.unit(name) != value:  # noqa: ASYNC110  the same
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise GuestError(f"{name} of backstride.service never was {value}") from None


def _is_state(topic: str, belt: Belt) -> bool:
    return topic == f"{belt.name}/state"


def tell_seed(text: str | None) -> random.Random:
    """A generator with the seed that was asked for, or a new one; it is printed."""
    seed = text or str(random.SystemRandom().randrange(10**6))
    print(f"seed {seed}; BACKSTRIDE_VM_SEED={seed} repeats its moments")
    return random.Random(seed)  # noqa: S311  reproducible chance, not secrecy
