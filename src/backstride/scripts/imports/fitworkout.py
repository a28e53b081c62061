"""Workouts in FIT files: steps by time with a speed target, and repeats of them."""

from __future__ import annotations

from typing import Any, Final

from fit_tool.exceptions import FitError
from fit_tool.fit_file import FitFile
from fit_tool.profile.messages.workout_message import WorkoutMessage
from fit_tool.profile.messages.workout_step_message import WorkoutStepMessage
from fit_tool.profile.profile_type import Intensity, WorkoutStepDuration, WorkoutStepTarget

from backstride.domain.units import SECOND, Speed
from backstride.domain.workout import Effort
from backstride.scripts.imports.blocks import (
    LARGEST,
    MOST,
    REPEATS,
    Block,
    Foreign,
    ImportFailedError,
)

# fit_tool takes members of enumerations when it writes, and gives their numbers when it reads.
_BY_TIME: Final = WorkoutStepDuration.TIME.value
_REPEAT: Final = WorkoutStepDuration.REPEAT_UNTIL_STEPS_CMPLT.value
_AT_SPEED: Final = WorkoutStepTarget.SPEED.value
_EFFORTS: Final = {
    Intensity.WARMUP.value: Effort.WARMUP,
    Intensity.COOLDOWN.value: Effort.COOLDOWN,
    Intensity.REST.value: Effort.RECOVER,
    Intensity.RECOVERY.value: Effort.RECOVER,
}
_FASTEST: Final = 30.0
"""m/s above which a number is a mistake."""


def read_fit(data: bytes, name: str) -> Foreign:
    """Read a FIT workout.

    Raises:
        ImportFailedError: it is damaged, or no workout.
    """
    if len(data) > LARGEST:
        raise ImportFailedError(f"this is larger than {LARGEST // 1_000_000} MB; no workout is")
    try:
        messages = [one.message for one in FitFile.from_bytes(data).records]
    except (
        FitError,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        raise ImportFailedError(f"this is no FIT file: {error}") from error
    steps = [one for one in messages if isinstance(one, WorkoutStepMessage)]
    if not steps:
        raise ImportFailedError(
            "this FIT file is no workout; sessions that were walked are not read"
        )
    title = next((one.workout_name for one in messages if isinstance(one, WorkoutMessage)), None)
    blocks: list[Block] = []
    refused: list[str] = []
    _unroll(steps, blocks, refused)
    return Foreign(
        name=" ".join(str(title or "").split()) or name,
        about="",
        blocks=tuple(blocks),
        refused=tuple(refused),
    )


def _unroll(steps: list[Any], blocks: list[Block], refused: list[str]) -> None:
    """Write the steps out, in order; a repeat counts the steps before it from `duration_step` on."""
    produced: list[list[Block]] = []
    for index, step in enumerate(steps):
        here: list[Block] = []
        if step.duration_type == _REPEAT:
            first, times = step.duration_step, step.target_repeat_steps
            if (
                first is None
                or times is None
                or not 0 <= first < index
                or not 1 <= times <= REPEATS
            ):
                refused.append(f"step {index + 1}: a repeat of nothing")
            else:
                # They were walked once already.
                here = [one for _ in range(times - 1) for part in produced[first:] for one in part]
        elif (block := _read(step, index, refused)) is not None:
            here = [block]
        produced.append(here)
        blocks += here
        if len(blocks) > MOST:
            del blocks[MOST:]
            refused.append(f"everything after {MOST} steps: too many")
            return


def _read(step: Any, index: int, refused: list[str]) -> Block | None:
    where = f"step {index + 1}"
    if step.duration_type != _BY_TIME or not step.duration_time:
        refused.append(f"{where}: it does not end by time")
        return None
    if step.target_type != _AT_SPEED:
        refused.append(f"{where}: it names no speed")
        return None
    speed = _speed(step)
    if speed is None:
        refused.append(f"{where}: its speed is a zone of somebody's watch")
        return None
    note = " ".join(str(step.notes or "").split())
    return Block(
        where=where,
        effort=_EFFORTS.get(step.intensity, Effort.WORK),
        duration=round(step.duration_time * SECOND),
        speed=speed,
        cue=note or None,
    )


def _speed(step: Any) -> Speed | None:
    """The middle of the target, as 0.01 km/h."""
    ends = (step.custom_target_speed_low, step.custom_target_speed_high)
    known = [end for end in ends if end is not None and 0 < end <= _FASTEST]
    return round(sum(known) / len(known) * 360) if known else None
