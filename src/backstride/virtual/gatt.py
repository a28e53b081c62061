"""The attributes of a virtual machine, shared by the Bumble peripheral and the loopback.

Assigned numbers: Bluetooth SIG; properties: Fitness Machine Service 1.0, table 4.1.
"""

from enum import IntEnum, StrEnum

from msgspec import Struct

from backstride.virtual.model import MachineModel
from backstride.virtual.quirks import AnswerBy, Write


class Uuid(IntEnum):
    """16-bit UUIDs of services and characteristics."""

    FITNESS_MACHINE = 0x1826
    DEVICE_INFORMATION = 0x180A
    FEATURE = 0x2ACC
    TREADMILL_DATA = 0x2ACD
    TRAINING_STATUS = 0x2AD3
    SPEED_RANGE = 0x2AD4
    INCLINE_RANGE = 0x2AD5
    CONTROL_POINT = 0x2AD9
    MACHINE_STATUS = 0x2ADA
    MANUFACTURER = 0x2A29
    MODEL_NUMBER = 0x2A24
    SERIAL_NUMBER = 0x2A25
    FIRMWARE = 0x2A26
    HEART_RATE = 0x180D
    HEART_RATE_MEASUREMENT = 0x2A37
    BODY_SENSOR_LOCATION = 0x2A38
    BATTERY = 0x180F
    BATTERY_LEVEL = 0x2A19


class Property(StrEnum):
    """Properties in the words of bleak."""

    READ = "read"
    WRITE = "write"
    WRITE_WITHOUT_RESPONSE = "write-without-response"
    NOTIFY = "notify"
    INDICATE = "indicate"


class AttCode(IntEnum):
    """Attribute protocol errors (Bluetooth Core, volume 3, part F, 3.4.1.1; CSS part B)."""

    READ_NOT_PERMITTED = 0x02
    WRITE_NOT_PERMITTED = 0x03
    ATTRIBUTE_NOT_FOUND = 0x0A
    INVALID_LENGTH = 0x0D
    CCCD_IMPROPERLY_CONFIGURED = 0xFD
    PROCEDURE_IN_PROGRESS = 0xFE


class AttError(Exception):
    """The machine refuses a read or a write on the attribute level.

    Attributes:
        code: the error that the client sees.
    """

    def __init__(self, code: AttCode) -> None:
        super().__init__(f"ATT error {code:#04x} ({code.name.lower().replace('_', ' ')})")
        self.code = code


class Characteristic(Struct, frozen=True):
    """One characteristic of the machine."""

    service: Uuid
    uuid: Uuid
    properties: tuple[Property, ...]


class Advertisement(Struct, frozen=True):
    """What the machine says to everybody."""

    address: str
    name: str | None
    service_uuids: tuple[int, ...]
    service_data: bytes | None


def list_characteristics(model: MachineModel) -> tuple[Characteristic, ...]:
    """All characteristics of a machine, in the order of their handles."""
    fitness = Uuid.FITNESS_MACHINE
    found = [
        Characteristic(fitness, Uuid.FEATURE, (Property.READ,)),
        Characteristic(fitness, Uuid.TREADMILL_DATA, (Property.NOTIFY,)),
        Characteristic(fitness, Uuid.SPEED_RANGE, (Property.READ,)),
        Characteristic(fitness, Uuid.CONTROL_POINT, _control_point_properties(model)),
        Characteristic(fitness, Uuid.MACHINE_STATUS, (Property.NOTIFY,)),
    ]
    if model.status.training:
        both = (Property.READ, Property.NOTIFY)
        found.insert(2, Characteristic(fitness, Uuid.TRAINING_STATUS, both))
    if model.incline is not None:
        found.insert(-2, Characteristic(fitness, Uuid.INCLINE_RANGE, (Property.READ,)))
    about = Uuid.DEVICE_INFORMATION
    found += [Characteristic(about, uuid, (Property.READ,)) for uuid in device_information(model)]
    return tuple(found)


def device_information(model: MachineModel) -> dict[Uuid, bytes]:
    """The values of Device Information that the machine has."""
    identity = model.identity
    texts = {
        Uuid.MANUFACTURER: identity.manufacturer,
        Uuid.MODEL_NUMBER: identity.model,
        Uuid.SERIAL_NUMBER: identity.serial,
        Uuid.FIRMWARE: identity.firmware,
    }
    return {uuid: text.encode() for uuid, text in texts.items() if text is not None}


def _control_point_properties(model: MachineModel) -> tuple[Property, ...]:
    writes = {
        Write.WITH_RESPONSE: (Property.WRITE,),
        Write.WITHOUT_RESPONSE: (Property.WRITE_WITHOUT_RESPONSE,),
        # Declared as specified: the tolerance of the other kind is not advertised.
        Write.EITHER: (Property.WRITE,),
    }[model.control_point.write]
    by_indication = model.control_point.answer_by is AnswerBy.INDICATION
    return (*writes, Property.INDICATE if by_indication else Property.NOTIFY)
