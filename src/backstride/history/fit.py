"""A session as a FIT activity: what watches, Strava, intervals.icu and Garmin Connect read.

One record for each sample, one lap for each segment, one session. The sport is walking, or running where the
belt went faster than anybody walks backward, on a treadmill. What FIT has no field for are developer fields
of each record: `setpoint` (km/h, what the program wanted), `direction` (0 facing the console, 1 facing the
rear) and `steps`. FIT's own speed is in m/s. Energy is an estimate; FIT has no place for its range.
"""

from __future__ import annotations

from typing import Any, Final

from fit_tool.base_type import BaseType
from fit_tool.developer_field import DeveloperField
from fit_tool.fit_file_builder import FitFileBuilder
from fit_tool.profile.messages.activity_message import ActivityMessage
from fit_tool.profile.messages.developer_data_id_message import DeveloperDataIdMessage
from fit_tool.profile.messages.event_message import EventMessage
from fit_tool.profile.messages.field_description_message import FieldDescriptionMessage
from fit_tool.profile.messages.file_id_message import FileIdMessage
from fit_tool.profile.messages.lap_message import LapMessage
from fit_tool.profile.messages.record_message import RecordMessage
from fit_tool.profile.messages.session_message import SessionMessage
from fit_tool.profile.profile_type import (
    Activity,
    Event,
    EventType,
    FileType,
    Intensity,
    LapTrigger,
    Sport,
    SubSport,
)

from backstride.domain.limits import WALK_SPEED
from backstride.domain.record import Lap, Record, Sample
from backstride.domain.units import SECOND, Speed
from backstride.domain.workout import Effort, Facing
from backstride.history.stretch import Stretch, stretch_of, stretches

APPLICATION: Final = bytes.fromhex("6261636b7374726964652e6578706f72")
"""Names our developer fields; 16 bytes, as FIT asks ("backstride.expor")."""
SETPOINT, DIRECTION, STEPS = 0, 1, 2
"""Numbers of our developer fields."""
_DEVELOPMENT: Final = 255
"""FIT's manufacturer for those who are none."""
_EPOCH: Final = 631_065_600
"""FIT counts seconds from the end of 1989; fit_tool knows it for all times but that of the place."""
_MOST_BEATS: Final = 254
"""A heart rate above does not fit into FIT's byte, nor into a person."""
_FILE, _DEVELOPER, _FIELD, _EVENT, _RECORD, _LAP, _SESSION, _ACTIVITY = range(8)
"""Local message numbers: each kind of message keeps its own definition."""


def to_fit(record: Record) -> bytes:
    """The whole session as a FIT file."""
    builder = FitFileBuilder(auto_define=True)
    for message in (
        *_introduction(record),
        *(_record(record, sample) for sample in record.samples),
        *(_lap(record, number, part) for number, part in enumerate(stretches(record))),
        *_conclusion(record),
    ):
        builder.add(message)
    written: bytes = builder.build_bytes()
    return written


def _ms(value: Speed) -> float:
    """0.01 km/h as m/s."""
    return value / 360


def _introduction(record: Record) -> list[Any]:
    started = record.head.started
    file = FileIdMessage(local_id=_FILE)
    file.type = FileType.ACTIVITY
    file.manufacturer = _DEVELOPMENT
    file.product = 0
    file.serial_number = started // SECOND & 0xFFFF_FFFF
    file.time_created = started
    developer = DeveloperDataIdMessage(local_id=_DEVELOPER)
    developer.application_id = APPLICATION
    developer.developer_data_index = 0
    described: list[Any] = [file, developer]
    for number, kind, name, unit in (
        (SETPOINT, BaseType.FLOAT32, "setpoint", "km/h"),
        (DIRECTION, BaseType.UINT8, "direction", "1 is rearward"),
        (STEPS, BaseType.UINT32, "steps", "steps"),
    ):
        field = FieldDescriptionMessage(local_id=_FIELD)
        field.developer_data_index = 0
        field.field_definition_number = number
        field.fit_base_type_id = kind.value
        field.field_name = name
        field.units = unit
        described.append(field)
    begin = EventMessage(local_id=_EVENT)
    begin.event = Event.TIMER
    begin.event_type = EventType.START
    begin.timestamp = started
    return [*described, begin]


def _record(record: Record, sample: Sample) -> Any:
    own: list[tuple[int, str, Any, int, float | None]] = [
        (SETPOINT, "setpoint", BaseType.FLOAT32, 4, _kmh(sample.setpoint)),
        (DIRECTION, "direction", BaseType.UINT8, 1, int(sample.facing is Facing.BACKWARD)),
        (STEPS, "steps", BaseType.UINT32, 4, sample.steps),
    ]
    fields = []
    for number, name, kind, size, value in own:
        if value is not None:
            field = DeveloperField(field_id=number, name=name, base_type=kind, size=size)
            field.set_value(0, value)
            fields.append(field)
    message = RecordMessage(local_id=_RECORD, developer_fields=fields)
    message.timestamp = record.head.started + sample.at
    if sample.speed is not None:
        message.speed = _ms(sample.speed)
        message.enhanced_speed = _ms(sample.speed)
    if sample.distance is not None:
        message.distance = float(sample.distance)
    if sample.incline is not None:
        message.grade = sample.incline / 10
    if sample.heart_rate is not None and sample.heart_rate <= _MOST_BEATS:
        message.heart_rate = sample.heart_rate
    return message


def _kmh(value: Speed | None) -> float | None:
    return None if value is None else value / 100


def _lap(record: Record, number: int, part: tuple[Lap, Stretch]) -> Any:
    lap, walked = part
    intensity = {
        Effort.WARMUP: Intensity.WARMUP,
        Effort.WORK: Intensity.ACTIVE,
        Effort.RECOVER: Intensity.RECOVERY,
        Effort.COOLDOWN: Intensity.COOLDOWN,
    }
    message = LapMessage(local_id=_LAP)
    message.message_index = number
    message.event = Event.LAP
    message.event_type = EventType.STOP
    message.lap_trigger = LapTrigger.MANUAL
    message.intensity = intensity[lap.effort]
    _sum_up(message, record, walked)
    return message


def _conclusion(record: Record) -> list[Any]:
    head = record.head
    ended = head.started + head.length
    stop = EventMessage(local_id=_EVENT)
    stop.event = Event.TIMER
    stop.event_type = EventType.STOP_ALL
    stop.timestamp = ended
    session = SessionMessage(local_id=_SESSION)
    session.message_index = 0
    session.event = Event.SESSION
    session.event_type = EventType.STOP
    session.first_lap_index = 0
    session.num_laps = len(record.laps)
    _sum_up(session, record, stretch_of(record))
    session.total_timer_time = head.walked / SECOND
    activity = ActivityMessage(local_id=_ACTIVITY)
    activity.timestamp = ended
    activity.local_timestamp = (ended + SECOND // 2) // SECOND - _EPOCH + head.offset * 60
    activity.num_sessions = 1
    activity.type = Activity.MANUAL
    activity.event = Event.ACTIVITY
    activity.event_type = EventType.STOP
    activity.total_timer_time = head.walked / SECOND
    return [stop, session, activity]


def _sum_up(message: Any, record: Record, walked: Stretch) -> None:
    """What laps and sessions have in common."""
    started = record.head.started
    message.timestamp = started + walked.end
    message.start_time = started + walked.start
    message.total_elapsed_time = (walked.end - walked.start) / SECOND
    message.total_timer_time = (walked.end - walked.start) / SECOND
    message.sport = Sport.RUNNING if record.head.top_speed > WALK_SPEED else Sport.WALKING
    message.sub_sport = SubSport.TREADMILL
    if walked.distance is not None:
        message.total_distance = float(walked.distance)
    if walked.energy is not None:
        message.total_calories = (walked.energy + 50) // 100
    if walked.mean_speed is not None and walked.top_speed is not None:
        message.avg_speed = _ms(walked.mean_speed)
        message.max_speed = _ms(walked.top_speed)
    if walked.mean_heart_rate is not None and walked.top_heart_rate is not None:
        message.avg_heart_rate = min(walked.mean_heart_rate, _MOST_BEATS)
        message.max_heart_rate = min(walked.top_heart_rate, _MOST_BEATS)
