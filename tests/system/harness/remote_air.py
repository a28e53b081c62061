"""The air between two processes: a bleak backend that talks to another process over a unix socket.

There, each link is a real one over Bumble; here, each link and each scan is one connection to the socket,
with one JSON document a line. When this process dies its sockets close, and its links end, as with an
adapter that is pulled out. The machine does not care: whether its belt runs on is its own business.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json

from bleak.exc import BleakError, BleakGATTProtocolError
from msgspec import convert, to_builtins

from backstride.virtual.backend import Entry, bind_client, bind_scanner
from backstride.virtual.gatt import Advertisement

ADDRESS = "C6:00:00:00:00:01"
"""Of the one machine on this air."""


async def say(writer, **note):
    writer.write(json.dumps(note).encode() + b"\n")
    with contextlib.suppress(ConnectionError):
        await writer.drain()


class RemoteAir:
    """What a daemon has of an air in another process: `client_backend()` and `scanner_backend()`."""

    def __init__(self, path):
        self._path = path

    def client_backend(self):
        return bind_client(self)

    def scanner_backend(self):
        return bind_scanner(self)

    async def open(self, address, on_frame, on_lost):
        reader, writer = await asyncio.open_unix_connection(self._path)
        await say(writer, open=address)
        line = await reader.readline()
        if not line:
            raise BleakError("disconnected")
        answer = json.loads(line)
        if answer["entries"] is None:
            return None
        entries = tuple(convert(entry, Entry) for entry in answer["entries"])
        return _RemoteWire(entries, reader, writer, on_frame, on_lost)

    def watch(self, on_advertisement):
        task = asyncio.create_task(self._watch(on_advertisement))
        return task.cancel

    async def _watch(self, on_advertisement):
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            await say(writer, watch=True)
            async for line in reader:
                heard = json.loads(line)
                heard["service_data"] = heard["service_data"] and bytes.fromhex(
                    heard["service_data"]
                )
                heard["service_uuids"] = tuple(heard["service_uuids"])
                on_advertisement(Advertisement(**heard))
        finally:
            writer.close()


class _RemoteWire:
    def __init__(self, entries, reader, writer, on_frame, on_lost):
        self.entries = entries
        self._reader, self._writer = reader, writer
        self._on_frame, self._on_lost = on_frame, on_lost
        self._numbers = itertools.count(1)
        self._waiting = {}
        self._task = asyncio.create_task(self._listen())

    async def read(self, handle):
        return bytes.fromhex(await self._ask("read", handle))

    async def write(self, handle, data, *, response):
        await self._ask("write", handle, data=data.hex(), response=response)

    async def subscribe(self, handle, *, on):
        await self._ask("subscribe", handle, on=on)

    async def pair(self):
        await self._ask("pair", 0)

    async def close(self):
        self._writer.close()
        await asyncio.wait({self._task})

    async def _ask(self, op, handle, **more):
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await say(self._writer, number=number, op=op, handle=handle, **more)
        return await answer

    async def _listen(self):
        with contextlib.suppress(ConnectionError):
            async for line in self._reader:
                note = json.loads(line)
                if "frame" in note:
                    self._on_frame(note["frame"], bytes.fromhex(note["data"]))
                else:
                    self._conclude(note)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(BleakError("disconnected"))
        self._on_lost()

    def _conclude(self, note):
        answer = self._waiting.pop(note["number"])
        if answer.done():
            return
        if note.get("code") is not None:
            answer.set_exception(BleakGATTProtocolError(note["code"]))
        elif note.get("error") is not None:
            answer.set_exception(BleakError(note["error"]))
        else:
            answer.set_result(note.get("value"))


class Gateway:
    """The other end: gives an air (`virtual.radio.Air`) to whoever connects to the socket.

    `report` answers the question `look`: what the test wants to know of the machine.
    """

    def __init__(self, air, report):
        self._air = air
        self._report = report

    async def serve(self, path):
        return await asyncio.start_unix_server(self._welcome, path)

    async def _welcome(self, reader, writer):
        try:
            async for line in reader:
                note = json.loads(line)
                if "look" in note:
                    await say(writer, **self._report(note["look"]))
                elif "open" in note:
                    await self._link(note["open"], reader, writer)
                else:
                    await self._scan(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _link(self, address, reader, writer):
        def on_frame(handle, data):
            writer.write(json.dumps({"frame": handle, "data": data.hex()}).encode() + b"\n")

        try:
            wire = await self._air.open(address, on_frame, writer.close)
        except BleakError:
            return
        if wire is None:
            await say(writer, entries=None)
            return
        await say(writer, entries=[to_builtins(entry) for entry in wire.entries])
        tasks = set()
        try:
            async for line in reader:
                task = asyncio.create_task(self._do(wire, json.loads(line), writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        finally:
            with contextlib.suppress(BleakError):
                await wire.close()

    async def _do(self, wire, note, writer):
        handle, answer = note["handle"], {"number": note["number"]}
        try:
            match note["op"]:
                case "read":
                    answer["value"] = (await wire.read(handle)).hex()
                case "write":
                    data = bytes.fromhex(note["data"])
                    await wire.write(handle, data, response=note["response"])
                case "subscribe":
                    await wire.subscribe(handle, on=note["on"])
                case "pair":
                    await wire.pair()
        except BleakGATTProtocolError as error:
            answer["code"] = int(error.code)
        except BleakError as error:
            answer["error"] = str(error)
        await say(writer, **answer)

    async def _scan(self, reader, writer):
        def hear(heard):
            note = to_builtins(heard)
            note["service_data"] = heard.service_data and heard.service_data.hex()
            writer.write(json.dumps(note).encode() + b"\n")

        end = self._air.watch(hear)
        try:
            await reader.read()
        finally:
            end()
