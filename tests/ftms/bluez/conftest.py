"""A stand-in for bluetoothd on a private D-Bus: BlueZ's object tree over virtual machines and loopback air.

It speaks what bleak and the care for connections use, with BlueZ's names, errors and signals, and can be told
to misbehave: members that never answer or answer with an error, machines that answer nothing, connections
that an earlier process left behind. What it cannot be is the kernel; tests/vm meets that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random

import pytest
from bleak.backends.bluezdbus.manager import _global_instances
from bleak.exc import BleakError, BleakGATTProtocolError
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from backstride.domain.events import LinkUp
from backstride.ftms.care import Care, Host
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.ftms.treadmill import BleakTreadmill
from backstride.ftms.waits import Waits
from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import AcceleratedLoop
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine

SEED = 20_261_120
WAITS = Waits(
    find=1_500,
    gatt=300,
    adopt=400,
    connect=2_000,
    disconnect=300,
    settle=50,
    compare=120,
    retry_most=200,
)
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
SERVICE, CHARACTERISTIC = "org.bluez.GattService1", "org.bluez.GattCharacteristic1"
PROPERTIES = "org.freedesktop.DBus.Properties"
MANAGER = "org.freedesktop.DBus.ObjectManager"
SIGNATURES = {
    "RSSI": "n",
    "Adapter": "o",
    "Device": "o",
    "Service": "o",
    "UUIDs": "as",
    "Flags": "as",
}
PATIENCE_S = 10


def pytest_asyncio_loop_factories():
    """The waits are short, so time stands still here while the machine does."""
    return {"patient": lambda: AcceleratedLoop(1)}


class RefusalError(Exception):
    """An error of BlueZ."""

    def __init__(self, name, text=""):
        super().__init__(text)
        self.name = name if "." in name else f"org.bluez.Error.{name}"


def _variant(key, value):
    if key == "ServiceData":
        return Variant("a{sv}", {uuid: Variant("ay", data) for uuid, data in value.items()})
    kinds = {bool: "b", str: "s", bytes: "ay"}
    return Variant(SIGNATURES.get(key) or kinds[type(value)], value)


def _variants(has):
    return {key: _variant(key, value) for key, value in has.items()}


class Bluetoothd:
    """org.bluez. `refuse` and `mute` hold members that fail or never answer; `calls` is what was asked."""

    def __init__(self, bus):
        self.bus = bus
        self.air = LoopbackAir()
        self.objects = {"/org/bluez": {}}
        self.machines = {}
        self.signals = {}
        """RSSI by adapter, as its advertisements come with."""
        self.refuse, self.mute, self.frozen = {}, set(), False
        self.ghosts = set()
        """Addresses whose connections live and answer nothing."""
        self.encrypted = set()
        """Addresses that demand a pairing before indications are enabled."""
        self.bicycles = set()
        """Addresses without a treadmill's telemetry."""
        self.calls, self.questions = [], []
        self._wires, self._watches, self._agents, self._tasks = {}, {}, {}, set()
        bus.add_message_handler(self._handle)

    # -- the world -----------------------------------------------------------------------------

    def add_adapter(self, name="hci0", *, powered=True, rssi=-60):
        address = f"11:22:33:44:55:{int(name[3:]):02X}"
        self.signals[name] = rssi
        self._add(f"/org/bluez/{name}", ADAPTER, Address=address, Alias="pi", Powered=powered)
        return address

    def remove_adapter(self, name):
        path = f"/org/bluez/{name}"
        self._watches.pop(path, lambda: None)()
        for device in [
            p for p, has in self.objects.items() if DEVICE in has and p.startswith(path)
        ]:
            self._lose(device)
            self._remove(device)
        self._remove(path)

    async def add_machine(self, name="ideal", address="C0:00:00:00:00:01"):
        machine = Machine(load_machine(name), address=address)
        await self.air.serve(machine)
        self.machines[address] = machine
        return machine

    async def leave_connection(self, address, adapter="hci0"):
        """As after `kill -9` of whoever connected: the link lives on, and nobody has it."""
        path = self._meet(adapter, address)
        await self._connect(path)
        self.calls.clear()
        return path

    def asked(self, member):
        """The paths on which a member was called."""
        return [path for name, path in self.calls if name == member]

    async def close(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stop in self._watches.values():
            stop()
        await self.air.close()

    # -- the tree ------------------------------------------------------------------------------

    def _add(self, path, interface, **has):
        self.objects.setdefault(path, {})[interface] = has
        self._signal(
            "/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {interface: _variants(has)}]
        )

    def _remove(self, path):
        has = self.objects.pop(path, None)
        if has:
            self._signal("/", MANAGER, "InterfacesRemoved", "oas", [path, list(has)])

    def _change(self, path, interface, **has):
        self.objects[path][interface].update(has)
        body = [interface, _variants(has), []]
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    def _signal(self, path, interface, member, signature, body):
        message = Message.new_signal(path, interface, member, signature, body)
        self._spawn(self.bus.send(message))

    def _spawn(self, work):
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _meet(self, adapter, address, **heard):
        """The device's path, and its object: as BlueZ does it, with what the advertisement said."""
        path = f"/org/bluez/{adapter}/dev_{address.replace(':', '_')}"
        said = self.machines[address].advertisement
        if path not in self.objects:
            uuids = [f"0000{uuid:04x}-0000-1000-8000-00805f9b34fb" for uuid in said.service_uuids]
            own = {"Adapter": f"/org/bluez/{adapter}", "Address": address, "UUIDs": uuids}
            own |= {"Name": said.name, "Alias": said.name} if said.name else {"Alias": address}
            flags = {"Paired": False, "Connected": False, "ServicesResolved": False}
            self._add(path, DEVICE, **own, **flags, **heard)
        elif heard:
            self._change(path, DEVICE, **heard)
        return path

    # -- the bus -------------------------------------------------------------------------------

    def _handle(self, message):
        if message.message_type is not MessageType.METHOD_CALL or not message.path.startswith("/"):
            return None
        if message.destination not in {"org.bluez", self.bus.unique_name}:
            return None
        self.calls.append((message.member, message.path))
        if not self.frozen and message.member not in self.mute:
            self._spawn(self._answer(message))
        return True

    async def _answer(self, message):
        try:
            signature, body = await self._obey(message) or ("", [])
            reply = Message.new_method_return(message, signature, body)
        except RefusalError as error:
            reply = Message.new_error(message, error.name, str(error))
        except BleakGATTProtocolError as error:
            words = f"Operation failed with ATT error: 0x{error.code:02x}"
            reply = Message.new_error(message, "org.bluez.Error.Failed", words)
        except BleakError as error:
            reply = Message.new_error(message, "org.bluez.Error.Failed", str(error))
        await self.bus.send(reply)

    async def _obey(self, message):
        if message.member in self.refuse:
            raise RefusalError(self.refuse[message.member])
        if message.path not in {"/", *self.objects}:
            raise RefusalError("org.freedesktop.DBus.Error.UnknownObject")
        return await getattr(self, f"_do_{message.member}")(message)

    async def _do_GetManagedObjects(self, _message):  # noqa: N802  D-Bus names
        body = {
            path: {name: _variants(has) for name, has in interfaces.items()}
            for path, interfaces in self.objects.items()
        }
        return "a{oa{sa{sv}}}", [body]

    async def _do_Set(self, message):  # noqa: N802
        interface, key, value = message.body
        if (interface, key) == (ADAPTER, "Powered") and not value.value:
            for path in [p for p in self._wires if p.startswith(message.path)]:
                self._lose(path)
        self._change(message.path, interface, **{key: value.value})

    async def _do_SetDiscoveryFilter(self, _message):  # noqa: N802
        return None

    async def _do_StartDiscovery(self, message):  # noqa: N802
        if not self.objects[message.path][ADAPTER]["Powered"]:
            raise RefusalError("NotReady", "Resource Not Ready")
        adapter = message.path.rsplit("/", 1)[-1]

        def heard(said):
            if any(said.address.replace(":", "_") in path for path in self._wires):
                return
            data = {}
            if said.service_data is not None:
                data["ServiceData"] = {
                    f"0000{0x1826:04x}-0000-1000-8000-00805f9b34fb": said.service_data
                }
            self._meet(adapter, said.address, RSSI=self.signals[adapter], **data)

        self._watches[message.path] = self.air.watch(heard)

    async def _do_StopDiscovery(self, message):  # noqa: N802
        self._watches.pop(message.path, lambda: None)()

    async def _do_RemoveDevice(self, message):  # noqa: N802
        [path] = message.body
        if path not in self.objects:
            raise RefusalError("DoesNotExist", "Does Not Exist")
        self._lose(path)
        self._remove(path)

    async def _do_Connect(self, message):  # noqa: N802
        await self._connect(message.path)

    async def _connect(self, path):
        address = self.objects[path][DEVICE]["Address"]

        def lost():
            self._wires.pop(path, None)
            if path in self.objects:
                self._change(path, DEVICE, Connected=False, ServicesResolved=False)

        def frame(handle, data):
            for service, found in list(self.objects.items()):
                if service.startswith(path) and service.endswith(f"char{handle:04x}"):
                    found[CHARACTERISTIC]["Value"] = data
                    if address not in self.ghosts:
                        self._change(service, CHARACTERISTIC, Value=data)

        wire = self._wires[path] = await self.air.open(address, frame, lost)
        assert wire is not None
        self._change(path, DEVICE, Connected=True)
        for entry in wire.entries:
            if address in self.bicycles and entry.uuid.startswith("00002acd"):
                continue
            service = f"{path}/service{entry.service_handle:04x}"
            if service not in self.objects:
                self._add(service, SERVICE, UUID=entry.service, Device=path)
            own = {"UUID": entry.uuid, "Service": service, "Flags": list(entry.properties)}
            self._add(f"{service}/char{entry.handle:04x}", CHARACTERISTIC, **own)
        self._change(path, DEVICE, ServicesResolved=True)

    def _lose(self, path):
        wire = self._wires.pop(path, None)
        if wire is not None:
            wire.lose()
        for child in [p for p in self.objects if p.startswith(f"{path}/service")]:
            self._remove(child)

    async def _do_Disconnect(self, message):  # noqa: N802
        self._lose(message.path)

    async def _do_Pair(self, message):  # noqa: N802
        if message.path not in self._wires:
            await self._connect(message.path)
        agent = self._agents.get(message.sender)
        if agent is None:
            raise RefusalError("AuthenticationFailed", "Authentication Failed")
        for asked in (f"{message.path[:-2]}FF", message.path):
            question = Message(
                destination=message.sender,
                path=agent,
                interface="org.bluez.Agent1",
                member="RequestAuthorization",
                signature="o",
                body=[asked],
            )
            answer = await self.bus.call(question)
            granted = answer.message_type is MessageType.METHOD_RETURN
            self.questions.append((asked, granted))
        if not granted:
            raise RefusalError("AuthenticationRejected", "Authentication Rejected")
        self._change(message.path, DEVICE, Paired=True)

    async def _do_RegisterAgent(self, message):  # noqa: N802
        path, capability = message.body
        assert capability == "NoInputNoOutput"
        self._agents[message.sender] = path

    async def _do_UnregisterAgent(self, message):  # noqa: N802
        del self._agents[message.sender]

    # -- attributes ----------------------------------------------------------------------------

    async def _reach(self, path):
        device, handle = path.split("/service")[0], int(path[-4:], 16)
        if self.objects[device][DEVICE]["Address"] in self.ghosts:
            await asyncio.Event().wait()
        return self._wires[device], handle

    async def _do_ReadValue(self, message):  # noqa: N802
        wire, handle = await self._reach(message.path)
        return "ay", [await wire.read(handle)]

    async def _do_WriteValue(self, message):  # noqa: N802
        wire, handle = await self._reach(message.path)
        data, options = message.body
        await wire.write(handle, bytes(data), response=options["type"].value == "request")

    async def _do_StartNotify(self, message):  # noqa: N802
        device = self.objects[message.path.split("/service")[0]][DEVICE]
        if device["Address"] in self.encrypted and not device["Paired"]:
            raise RefusalError("NotPermitted", "Not paired")
        wire, handle = await self._reach(message.path)
        await wire.subscribe(handle, on=True)

    async def _do_StopNotify(self, message):  # noqa: N802
        wire, handle = await self._reach(message.path)
        await wire.subscribe(handle, on=False)


@pytest.fixture
async def bluez(start_bus, monkeypatch):
    """bluetoothd on the system bus of this process, with an adapter and no machine."""
    address = await start_bus()
    monkeypatch.setattr("backstride.virtual.loopback._ADVERTISING_INTERVAL_S", 0.05)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    bus = await MessageBus(address).connect()
    service = Bluetoothd(bus)
    service.add_adapter()
    await bus.request_name("org.bluez")
    yield service
    await service.close()
    manager = _global_instances.pop(asyncio.get_running_loop(), None)
    if manager is not None and manager._bus is not None and manager._bus_watcher_task is not None:
        manager._bus.disconnect()
        await manager._bus_watcher_task
    bus.disconnect()
    await bus.wait_for_disconnect()


class LoopClock:
    """The running loop's time."""

    def now(self):
        return round(asyncio.get_running_loop().time() * 1_000)


class Keeper:
    """A host with its treadmills, and everything that they reported."""

    def __init__(self):
        self.moving, self.at_rest, self.claimed = False, True, False
        self.steps, self.events, self.treadmills = [], [], {}
        self._changed = asyncio.Event()
        self.host = Host(
            LoopClock(), at_rest=lambda: self.at_rest, claimed=self._is_claimed, told=self._told
        )
        self._tasks = []

    async def _is_claimed(self):
        return self.claimed

    def _told(self, healing):
        self.steps.append(healing)
        self._changed.set()

    def _sink(self, event):
        self.events.append(event)
        self._changed.set()

    def start(self, target, name="home", *, pinned=None, waits=WAITS):
        """Run a treadmill until the test ends."""
        if isinstance(target, str):
            target = ByAddress(target)
        care = Care(self.host, name, pinned=pinned, moving=lambda: self.moving)
        treadmill = BleakTreadmill(
            target,
            clock=LoopClock(),
            radio=Radio(),
            waits=waits,
            rng=random.Random(SEED),
            care=care,
        )
        self.treadmills[name] = treadmill
        self._tasks.append(asyncio.create_task(treadmill.run(self._sink)))
        return treadmill

    async def until(self, true):
        """Wait until something that was reported makes it true."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):  # also what is reported to nobody
                    await asyncio.wait_for(self._changed.wait(), 0.1)

    async def until_up(self, count=1):
        """Wait for so many links."""
        await self.until(lambda: len(self.ups) >= count)
        return self.ups[count - 1]

    @property
    def ups(self):
        return [event for event in self.events if isinstance(event, LinkUp)]

    def took(self):
        """The steps taken, and those that failed with a mark."""
        return [one.step + ("!" if one.error else "") for one in self.steps]

    async def close(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def keeper(bluez):
    """A daemon's part that keeps connections; depends on the bus that it talks on."""
    logging.getLogger("bleak").setLevel(logging.CRITICAL)
    assert bluez.objects
    keeper = Keeper()
    yield keeper
    await keeper.close()
