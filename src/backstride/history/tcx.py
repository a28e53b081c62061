"""A session as TCX (Garmin's Training Center Database v2): for those who do not read FIT.

TCX knows running, biking and other; walking is other. Speeds are in the extension that everybody reads
(TPX). It has no place for direction, setpoint and incline: use FIT, CSV or JSON for these.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from backstride.domain.limits import WALK_SPEED
from backstride.domain.record import Lap, Record, Sample
from backstride.domain.units import SECOND, Speed
from backstride.domain.workout import Effort
from backstride.history.stretch import Stretch, stretch_of, stretches

TCX: Final = "http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"
EXTENSION: Final = "http://www.garmin.com/xmlschemas/ActivityExtension/v2"
MOST_CALORIES: Final = 65_535
"""TCX keeps them in 16 bits."""


def to_tcx(record: Record) -> bytes:
    """The whole session as a TCX file."""
    ET.register_namespace("", TCX)
    ET.register_namespace("x", EXTENSION)
    root = ET.Element(_tag("TrainingCenterDatabase"))
    running = record.head.top_speed > WALK_SPEED
    activity = ET.SubElement(
        ET.SubElement(root, _tag("Activities")),
        _tag("Activity"),
        Sport="Running" if running else "Other",
    )
    _add(activity, "Id", _time(record.head.started))
    parts: list[tuple[Lap | None, Stretch]] = [*stretches(record)]
    for lap, walked in parts or [(None, stretch_of(record))]:
        _add_lap(activity, record, lap, walked)
    _add(activity, "Notes", f"{record.head.program_name}; walked backward with Backstride")
    written: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _add_lap(activity: ET.Element, record: Record, lap: Lap | None, walked: Stretch) -> None:
    started = record.head.started
    part = ET.SubElement(activity, _tag("Lap"), StartTime=_time(started + walked.start))
    _add(part, "TotalTimeSeconds", f"{(walked.end - walked.start) / SECOND:.1f}")
    _add(part, "DistanceMeters", f"{walked.distance or 0:.1f}")
    if walked.top_speed is not None:
        _add(part, "MaximumSpeed", _ms(walked.top_speed))
    _add(part, "Calories", str(min(((walked.energy or 0) + 50) // 100, MOST_CALORIES)))
    if walked.mean_heart_rate is not None and walked.top_heart_rate is not None:
        _add(_add(part, "AverageHeartRateBpm"), "Value", str(walked.mean_heart_rate))
        _add(_add(part, "MaximumHeartRateBpm"), "Value", str(walked.top_heart_rate))
    resting = lap is not None and lap.effort is Effort.RECOVER
    _add(part, "Intensity", "Resting" if resting else "Active")
    _add(part, "TriggerMethod", "Manual")
    inside = [one for one in record.samples if walked.start <= one.at < walked.end]
    if inside:
        track = _add(part, "Track")
        for sample in inside:
            _add_point(track, started, sample)


def _add_point(track: ET.Element, started: int, sample: Sample) -> None:
    point = _add(track, "Trackpoint")
    _add(point, "Time", _time(started + sample.at))
    if sample.distance is not None:
        _add(point, "DistanceMeters", f"{sample.distance:.1f}")
    if sample.heart_rate is not None:
        _add(_add(point, "HeartRateBpm"), "Value", str(sample.heart_rate))
    if sample.speed is not None:
        extension = ET.SubElement(_add(point, "Extensions"), f"{{{EXTENSION}}}TPX")
        ET.SubElement(extension, f"{{{EXTENSION}}}Speed").text = _ms(sample.speed)


def _tag(name: str) -> str:
    return f"{{{TCX}}}{name}"


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    element = ET.SubElement(parent, _tag(name))
    element.text = text
    return element


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / SECOND, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _ms(value: Speed) -> str:
    """0.01 km/h as m/s."""
    return f"{value / 360:.3f}"
