"""What one would write instead: treadmills on MQTT with bleak, pyftms and aiomqtt. No safety of any kind.

Competent and short: one MQTT connection (TCP_NODELAY), a task for each treadmill, telemetry published as it
comes, commands written as they come, programs kept to absolute times so that they do not drift.

pyftms' own client cannot be used on this air: it takes no `backend=` (its constructor passes extra keywords
to bleak as one dict named `kwargs`), so this is bleak's client with pyftms' models and serializers, in the
way in which pyftms' client uses them.

    python -m bench.bare PORT PROGRAM.json ID=ADDRESS...

Topics: `bare/status` (retained, `online`), `bare/<id>/state` (telemetry), `bare/<id>/command` (JSON:
`{"command": "stop"}`, `"start"`, `"speed"` with `"value"`, `"program"`).
"""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import aiomqtt
from bleak import BleakClient, BleakScanner
from pyftms.client.const import CONTROL_POINT_UUID, TREADMILL_DATA_UUID  # type: ignore[import-untyped]
from pyftms.client.properties.features import read_features  # type: ignore[import-untyped]
from pyftms.client.properties.machine_type import MachineType  # type: ignore[import-untyped]
from pyftms.models import (  # type: ignore[import-untyped]
    ControlCode,
    ControlIndicateModel,
    ControlModel,
    ResultCode,
    StopPauseCode,
    TreadmillData,
)
from pyftms.serializer import get_serializer  # type: ignore[import-untyped]

from bench.wire import WireClient, WireScanner

_ANSWER_S = 2.0
_RECONNECT_S = 1.0


class Treadmill:
    """One treadmill: telemetry out, commands in."""

    def __init__(self, name: str, address: str, mqtt: aiomqtt.Client) -> None:
        self.name = name
        self._address = address
        self._mqtt = mqtt
        self._data = get_serializer(TreadmillData)
        self._client: BleakClient | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._turn = asyncio.Lock()
        self._telemetry: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._program: asyncio.Task[None] | None = None
        self._moving = asyncio.Event()

    async def run(self) -> None:
        """Connect, and connect again whenever the link is lost."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish())
            while True:
                try:
                    await self._connect()
                except (OSError, TimeoutError) as error:
                    print(f"{self.name}: {error}", file=sys.stderr)
                await asyncio.sleep(_RECONNECT_S)

    async def _connect(self) -> None:
        device = await BleakScanner.find_device_by_address(self._address, backend=WireScanner)
        if device is None:
            return
        gone = asyncio.Event()
        async with BleakClient(device, lambda _: gone.set(), backend=WireClient) as client:
            features = await read_features(client, MachineType.TREADMILL)
            print(f"{self.name}: {features}", file=sys.stderr)
            await client.start_notify(CONTROL_POINT_UUID, self._on_answer)
            await client.start_notify(TREADMILL_DATA_UUID, self._on_data)
            self._client = client
            await self.command(ControlCode.REQUEST_CONTROL)
            await gone.wait()
            self._client = None

    def _on_answer(self, _: Any, data: bytearray) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(bytes(data))

    def _on_data(self, _: Any, data: bytearray) -> None:
        record = self._data.deserialize(data)._asdict()
        if record.get("speed_instant"):
            self._moving.set()
        self._telemetry.put_nowait(record)

    async def _publish(self) -> None:
        while True:
            record = await self._telemetry.get()
            state = {
                "speed": record.get("speed_instant"),
                "incline": record.get("inclination"),
                "distance": record.get("distance_total"),
                "energy": record.get("energy_total"),
                "elapsed": record.get("time_elapsed"),
            }
            await self._mqtt.publish(f"bare/{self.name}/state", json.dumps(state), retain=True)

    async def command(self, code: ControlCode, **values: Any) -> None:
        """Write one command and wait for its answer."""
        if self._client is None:
            return
        request = io.BytesIO()
        ControlModel(code=code, **values)._serialize(request)  # noqa: SLF001  as pyftms' client does
        async with self._turn:
            self._answer = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(_ANSWER_S):
                await self._client.write_gatt_char(CONTROL_POINT_UUID, request.getvalue(), True)
                answer = ControlIndicateModel._deserialize(io.BytesIO(await self._answer))  # noqa: SLF001
        if answer.result_code != ResultCode.SUCCESS:
            print(f"{self.name}: {answer}", file=sys.stderr)

    async def obey(self, message: dict[str, Any], program: list[tuple[float, float]]) -> None:
        """Do what a message says."""
        match message["command"]:
            case "stop":
                if self._program is not None:
                    self._program.cancel()
                await self.command(ControlCode.STOP_PAUSE, stop_pause=StopPauseCode.STOP)
            case "start":
                await self.command(ControlCode.START_RESUME)
            case "speed":
                await self.command(ControlCode.SPEED, target_speed=float(message["value"]))
            case "program":
                self._program = asyncio.create_task(self._walk(program))
            case unknown:
                print(f"{self.name}: {unknown}?", file=sys.stderr)

    async def _walk(self, program: list[tuple[float, float]]) -> None:
        """Start the belt and set the speed of each step when its time has come."""
        self._moving.clear()
        await self.command(ControlCode.START_RESUME)
        await self._moving.wait()
        loop = asyncio.get_running_loop()
        due = loop.time()
        for seconds, speed in program:
            await self.command(ControlCode.SPEED, target_speed=speed)
            due += seconds
            await asyncio.sleep(due - loop.time())
        await self.command(ControlCode.STOP_PAUSE, stop_pause=StopPauseCode.STOP)


async def main(port: int, program: list[tuple[float, float]], machines: dict[str, str]) -> None:
    """Serve the machines until cancelled."""
    nodelay = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
    will = aiomqtt.Will("bare/status", "offline", retain=True)
    async with aiomqtt.Client("127.0.0.1", port, socket_options=nodelay, will=will) as mqtt:
        treadmills = {name: Treadmill(name, address, mqtt) for name, address in machines.items()}
        await mqtt.subscribe("bare/+/command")
        await mqtt.publish("bare/status", "online", retain=True)
        async with asyncio.TaskGroup() as tasks:
            for treadmill in treadmills.values():
                tasks.create_task(treadmill.run())
            async for message in mqtt.messages:
                treadmill = treadmills[str(message.topic).split("/")[1]]
                # A task for each: a slow machine must not keep the next message waiting.
                tasks.create_task(treadmill.obey(json.loads(bytes(message.payload)), program))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pairs = dict(argument.split("=", 1) for argument in sys.argv[3:])
    asyncio.run(main(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_bytes()), pairs))
