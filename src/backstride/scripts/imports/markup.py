"""Workouts in XML: ZWO (Zwift) and training programs of QZ.

Read with defusedxml: no entity and no outside file. ZWO tells speeds as shares of a threshold that it does
not name, so the one who imports says what a share of 1 is. QZ tells km/h and percent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from backstride.domain.units import SECOND, Ms, Speed
from backstride.domain.workout import Effort
from backstride.scripts.imports.blocks import (
    LARGEST,
    MOST,
    REPEATS,
    Block,
    Foreign,
    ImportFailedError,
)

_FASTEST: Final = 100.0
"""km/h, and shares, above which a number is a mistake."""
_DEEPEST: Final = 1
"""Repeats inside repeats are read, and no deeper."""
_LONGEST_S: Final = 24 * 3_600.0
_RAMPS: Final = {"warmup": Effort.WARMUP, "ramp": Effort.WORK, "cooldown": Effort.COOLDOWN}


class _SkippedError(Exception):
    """This part is left out, and why."""


def read_xml(data: bytes, name: str, threshold: Speed | None) -> Foreign:
    """Read ZWO or QZ; which one is told by the outermost element.

    Args:
        data: the file.
        name: what to call it when it has no name of its own.
        threshold: the speed that ZWO calls 1; None if nobody said.

    Raises:
        ImportFailedError: it is neither, or nothing in it can be walked.
    """
    if len(data) > LARGEST:
        raise ImportFailedError(f"this is larger than {LARGEST // 1_000_000} MB; no workout is")
    try:
        root: Element = fromstring(data)
    except DefusedXmlException as error:
        raise ImportFailedError(
            f"this XML asks for what a workout does not need: {error}"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ImportFailedError(f"this is no XML: {error}") from error
    kind = _name(root)
    if kind == "workout_file":
        if threshold is None:
            raise ImportFailedError(
                "ZWO tells shares of your threshold speed; say which speed that is:"
                ' --threshold "3.0 km/h"'
            )
        return _gather(root, name, lambda: _zwo(root, threshold))
    if kind == "rows":
        return _gather(root, name, lambda: _qz(root))
    raise ImportFailedError(f"<{kind}> is neither ZWO (workout_file) nor a QZ program (rows)")


type _Part = Block | str
"""A block, or why there is none."""


def _gather(root: Element, name: str, parts: Callable[[], Iterator[_Part]]) -> Foreign:
    blocks: list[Block] = []
    refused: list[str] = []
    for part in parts():
        if isinstance(part, str):
            refused.append(part)
        else:
            blocks.append(part)
        if len(blocks) + len(refused) >= MOST:
            refused.append(f"everything after {MOST} steps: too many")
            break
    return Foreign(
        name=_text(root, "name") or name,
        about=_text(root, "description"),
        blocks=tuple(blocks),
        refused=tuple(refused),
    )


def _text(root: Element, tag: str) -> str:
    return next((" ".join((one.text or "").split()) for one in root if _name(one) == tag), "")


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


# -- ZWO -----------------------------------------------------------------------------------------


def _zwo(root: Element, threshold: Speed) -> Iterator[_Part]:
    workout = next((one for one in root if _name(one) == "workout"), None)
    if workout is None:
        raise ImportFailedError("this ZWO has no <workout>")
    if _text(root, "durationtype").lower() == "distance":
        raise ImportFailedError("this ZWO counts metres; only workouts by time can be walked here")
    number = 0
    for element in workout:
        if _name(element) == "textevent":
            continue
        number += 1
        where = f"step {number} ({element.tag})"
        try:
            yield from _zwo_blocks(element, where, threshold)
        except _SkippedError as skipped:
            yield f"{where}: {skipped}"


def _zwo_blocks(element: Element, where: str, threshold: Speed) -> Iterator[Block]:
    kind = _name(element)

    def speed(*names: str) -> Speed:
        return round(_number(element, _FASTEST, *names) * threshold)

    cue = next((one.get("message") for one in element if _name(one) == "textevent"), None)
    if kind in _RAMPS:
        yield Block(
            where=where, effort=_RAMPS[kind], duration=_seconds(element, "duration"),
            speed=speed("powerlow", "pace"), ramp_to=speed("powerhigh", "powerlow"), cue=cue,
            incline=_slope(element, "incline"),
        )  # fmt: skip
    elif kind in {"steadystate", "solidstate"}:
        yield Block(
            where=where, effort=Effort.WORK, duration=_seconds(element, "duration"), cue=cue,
            speed=speed("power", "powerlow", "powerhigh"), incline=_slope(element, "incline"),
        )  # fmt: skip
    elif kind == "intervalst":
        for turn in range(int(_number(element, REPEATS, "repeat"))):
            here = f"{where}, {turn + 1}"
            yield Block(
                where=here, effort=Effort.WORK, duration=_seconds(element, "onduration"), cue=cue,
                speed=speed("onpower", "poweronlow", "poweronhigh"),
                incline=_slope(element, "inclineon"),
            )  # fmt: skip
            yield Block(
                where=here, effort=Effort.RECOVER, duration=_seconds(element, "offduration"),
                speed=speed("offpower", "poweroffhigh", "powerofflow"),
                incline=_slope(element, "inclineoff"),
            )  # fmt: skip
    else:
        raise _SkippedError("it names no speed")


# -- QZ ------------------------------------------------------------------------------------------


def _qz(parent: Element, where: str = "", depth: int = 0) -> Iterator[_Part]:
    number = 0
    for element in parent:
        kind = _name(element)
        number += kind in {"row", "repeat"}
        here = f"{where}row {number}"
        try:
            if kind == "repeat" and depth > _DEEPEST:
                yield f"{here}: repeats too deep inside repeats"
            elif kind == "repeat":
                for turn in range(int(_number(element, REPEATS, "times"))):
                    yield from _qz(element, f"{here}, {turn + 1}: ", depth + 1)
            elif kind == "row":
                yield _qz_block(element, here)
        except _SkippedError as skipped:
            yield f"{here}: {skipped}"


def _qz_block(row: Element, where: str) -> Block:
    return Block(
        where=where,
        effort=Effort.WORK,
        duration=_seconds(row, "duration"),
        speed=round(_number(row, _FASTEST, "speed") * 100),
        incline=_slope(row, "inclination", tenths=10),
    )


# -- numbers -------------------------------------------------------------------------------------


def _attribute(element: Element, *names: str) -> str | None:
    """The first of these attributes that is there; people write them in any case."""
    present = {key.lower(): value for key, value in element.attrib.items()}
    return next((present[name] for name in names if name in present), None)


def _number(element: Element, most: float, *names: str) -> float:
    text = _attribute(element, *names)
    if text is None:
        raise _SkippedError(f"it has no {names[0]}")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise _SkippedError(f"{names[0]} is {text[:20]!r}")
    return value


def _seconds(element: Element, name: str) -> Ms:
    """A duration: seconds, or hours, minutes and seconds with colons."""
    text = _attribute(element, name) or ""
    if ":" not in text:
        return round(_number(element, _LONGEST_S, name) * SECOND)
    total = 0
    try:
        for part in text.split(":"):
            total = total * 60 + int(part)
    except ValueError:
        total = -1
    if not 0 <= total <= _LONGEST_S:
        raise _SkippedError(f"{name} is {text[:20]!r}")
    return total * SECOND


def _slope(element: Element, name: str, tenths: int = 1_000) -> int:
    """An incline in 0.1 %; `tenths` says how many are 1 in the file. ZWO writes shares, QZ percent."""
    text = _attribute(element, name)
    try:
        value = float(text) if text is not None else 0.0
    except ValueError:
        value = math.nan
    if not -_FASTEST <= value <= _FASTEST:
        raise _SkippedError(f"{name} is {text!r:.20}")
    return round(value * tenths)
