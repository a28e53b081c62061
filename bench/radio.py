"""The radio process: Bumble's air with probed virtual treadmills, and a socket for whoever uses it.

All Bluetooth is here - peripherals, controllers, link, and the GATT clients on behalf of the measured
processes - so that its memory and time are nobody's but this process's. Times are of CLOCK_MONOTONIC, which
all processes of a host share: a control-point write is stamped when it reaches the machine, a telemetry
frame when it leaves it. Each frame's distance is replaced by a number of its own, by which the message
that it becomes is recognised.

    python -m bench.radio SOCKET
"""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Final, override

from bleak.exc import BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_16
from msgspec.structs import replace

from backstride.domain.units import Ms
from backstride.virtual.backend import Wire
from backstride.virtual.catalogue import load_machine
from backstride.virtual.gatt import Advertisement, Uuid
from backstride.virtual.machine import Machine
from backstride.virtual.model import Delay, Delays, MachineModel
from backstride.virtual.outbox import Kind, Output
from backstride.virtual.pump import Pump
from backstride.virtual.quirks import Permission
from backstride.virtual.radio import Air
from bench.wire import Messages

_FRAME: Final = struct.Struct("<HHI")
"""Flags, speed, and four bytes of which the first three are the distance."""
_STILL: Final = bytes.fromhex("8c04 0000 000000 0000 0000 0000 0000 00 0000")
"""Speed, distance, incline, energy and elapsed time, all zero."""
_DISTANCE: Final = slice(4, 7)
_DATA: Final = int(Uuid.TREADMILL_DATA)
_STOP: Final = 0x08
_PROOF_S: Final = (0.010, 0.016)
"""After a Stop two frames prove that the belt is still; a real machine brings them in its time."""


def quick(model: MachineModel) -> MachineModel:
    """A machine for latencies: it speaks when it is told to, answers at once, and is nobody's."""
    at_once = Delay(effect=(1,), training=(1,), answer=(2,))
    every = Delays(other=at_once, start=at_once, start_again=at_once, stop=at_once, speed=at_once)
    return replace(
        model,
        telemetry=replace(model.telemetry, period=3_600_000),
        control_point=replace(model.control_point, delays=every, permission=Permission.NOT_NEEDED),
    )


class ProbedMachine(Machine):
    """Stamps the writes that reach its control point."""

    wrote: Callable[[str, int, bytes], None]

    @override
    def write(
        self, uuid: Uuid, data: bytes, now_ms: Ms, client: str, *, response: bool = True
    ) -> None:
        self.wrote(self.address, time.monotonic_ns(), data)
        super().write(uuid, data, now_ms, client, response=response)


class Probe:
    """A `pump.Source`: the machine's frames and pushed ones, numbered and stamped."""

    def __init__(self, machine: ProbedMachine, sent: Callable[[str, int, int], None]) -> None:
        self.machine = machine
        self.pump: Pump[Machine] | None = None
        self._sent = sent
        self._pushed: list[Output] = []
        self._number = 0

    def advance(self, now_ms: Ms) -> list[Output]:
        """See `pump.Source`."""
        outputs = [*self.machine.advance(now_ms), *self._pushed]
        self._pushed = []
        return [self._stamp(output) for output in outputs]

    def next_due(self) -> Ms | None:
        """See `pump.Source`."""
        return self.machine.next_due()

    def push(self) -> None:
        """Send a frame of a belt at rest, now."""
        if self.pump is None:
            return
        for client in self.machine.clients:
            self._pushed.append(
                Output(self.pump.now_ms(), Kind.NOTIFY, client, Uuid.TREADMILL_DATA, _STILL)
            )
        self.pump.kick()

    def _stamp(self, output: Output) -> Output:
        if output.uuid != _DATA:
            return output
        self._number += 1
        data = bytearray(output.data)
        data[_DISTANCE] = self._number.to_bytes(3, "little")
        self._sent(self.machine.address, self._number, time.monotonic_ns())
        return replace(output, data=bytes(data))


class Ether:
    """The present air and what was recorded on it."""

    def __init__(self) -> None:
        self.air = Air()
        self.probes: dict[str, Probe] = {}
        self.frames: list[tuple[str, int, int]] = []
        self.writes: list[tuple[str, int, bytes]] = []
        self.bench: Messages | None = None

    async def set_up(self, bench: Messages, machines: list[tuple[str, bool]]) -> None:
        """A new air with these machines (address, quick)."""
        self.bench = bench
        await self.air.close()
        self.air = Air()
        self.probes.clear()
        self.frames, self.writes = [], []
        ideal = load_machine("ideal")
        now = round(asyncio.get_running_loop().time() * 1000)
        for address, is_quick in machines:
            model = quick(ideal) if is_quick else ideal
            machine = ProbedMachine(model, now_ms=now, address=address, keep_sent=False)
            machine.wrote = self._wrote
            probe = self.probes[address] = Probe(machine, self._sent)
            probe.pump = await self.air.serve(machine, source=probe)

    def take_records(self) -> tuple[list[tuple[str, int, int]], list[tuple[str, int, bytes]]]:
        """The frames (address, number, ns) and writes (address, ns, data) since the last time."""
        taken = self.frames, self.writes
        self.frames, self.writes = [], []
        return taken

    async def emit(self, count: int, pause_s: float, seed: int) -> None:
        """Let the machines in turn send `count` frames, `pause_s` apart on the average."""
        rng = random.Random(seed)
        probes = list(self.probes.values())
        for index in range(count):
            probes[index % len(probes)].push()
            await asyncio.sleep(pause_s * rng.uniform(0.5, 1.5))

    def _sent(self, address: str, number: int, at: int) -> None:
        self.frames.append((address, number, at))

    def _wrote(self, address: str, at: int, data: bytes) -> None:
        self.writes.append((address, at, data))
        if self.bench is not None:
            self.bench.send(0, "wrote", address, at, data)
        probe = self.probes[address]
        if data[0] == _STOP and probe.machine.model.telemetry.period > 60_000:
            for delay in _PROOF_S:
                asyncio.get_running_loop().call_later(delay, probe.push)


class Session:
    """One process at the socket."""

    def __init__(self, ether: Ether) -> None:
        self.messages = Messages(self._take, self._gone)
        self._ether = ether
        self._links: dict[int, Wire] = {}
        self._count = 0
        self._unwatch: Callable[[], Any] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def _take(self, message: tuple[Any, ...]) -> None:
        number, operation, *arguments = message
        # Started at once, as a stack would: a write goes out in the turn in which it came.
        task = asyncio.Task(
            self._answer(number, operation, arguments),
            loop=asyncio.get_running_loop(),
            eager_start=True,
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, operation: str, arguments: list[Any]) -> None:
        try:
            value = await self._do(operation, arguments)
        except BleakGATTProtocolError as error:
            self.messages.send(number, "att", int(error.code))
        except (BleakError, KeyError) as error:
            self.messages.send(number, "error", str(error))
        else:
            self.messages.send(number, "ok", value)

    async def _do(self, operation: str, arguments: list[Any]) -> Any:
        match operation, arguments:
            case "open", [address]:
                return await self._open(address)
            case "read", [link, handle]:
                return await self._links[link].read(handle)
            case "write", [link, handle, data, response]:
                return await self._links[link].write(handle, data, response=response)
            case "subscribe", [link, handle, on]:
                return await self._links[link].subscribe(handle, on=on)
            case "close", [link]:
                return await self._links[link].close()
            case "watch", [on]:
                return self._watch(on=on)
            case "set up", [machines]:
                return await self._ether.set_up(self.messages, machines)
            case "emit", [count, pause_s, seed]:
                return await self._ether.emit(count, pause_s, seed)
            case "records", []:
                return self._ether.take_records()
            case _:
                raise BleakError(f"{operation}?")

    async def _open(self, address: str) -> tuple[int, list[tuple[Any, ...]]]:
        self._count += 1
        link = self._count
        wire = await self._ether.air.open(
            address,
            lambda handle, data: self.messages.send(0, "frame", link, handle, data),
            lambda: self.messages.send(0, "lost", link),
        )
        if wire is None:
            raise BleakError(f"nobody has the address {address}")
        self._links[link] = wire
        return link, [
            (e.service, e.service_handle, e.uuid, e.handle, e.properties) for e in wire.entries
        ]

    def _watch(self, *, on: bool) -> None:
        if not on and self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        elif on and self._unwatch is None:
            self._unwatch = self._ether.air.watch(self._hear)

    def _hear(self, heard: Advertisement) -> None:
        data = {} if heard.service_data is None else {normalize_uuid_16(0x1826): heard.service_data}
        uuids = [normalize_uuid_16(uuid) for uuid in heard.service_uuids]
        self.messages.send(0, "heard", heard.address, heard.name, uuids, data)

    def _gone(self) -> None:
        self._watch(on=False)
        for task in self._tasks:
            task.cancel()
        closing = [asyncio.ensure_future(wire.close()) for wire in self._links.values()]
        if closing:
            self._links.clear()
            _keep.add(together := asyncio.gather(*closing, return_exceptions=True))
            together.add_done_callback(_keep.discard)


_keep: set[asyncio.Future[Any]] = set()


async def main(path: str) -> None:
    """Serve until terminated."""
    ether = Ether()
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: Session(ether).messages, path)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
