"""A foreign workout fitted to walking backward: too fast, too steep, too sudden, too long is tightened.

Theory of operation
-------------------
Foreign workouts were made for running forward. Nothing of them is believed: each block passes a chain of
rules which can only lower, shorten or leave out, and each change is a note for the person. A warm-up and a
cool-down facing forward are put around, with the turns over a stopped belt. What comes out is an ordinary
program as text, which the strict reader reads like any other: if it refused it, that would be a defect in
here. Arming judges it again, by the envelope of the machine, the walker and the site.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.envelope import FALL, RISE
from backstride.domain.limits import BACKWARD_TIME, INCLINE, JUMP, WALK_SPEED
from backstride.domain.units import (
    MINUTE,
    SECOND,
    Incline,
    Ms,
    Speed,
    show_duration,
    show_incline,
    show_speed,
)
from backstride.domain.workout import Effort, Program
from backstride.scripts.imports.blocks import Block, Foreign, ImportFailedError
from backstride.scripts.reader import read_program
from backstride.scripts.rules import BACKWARD_START, CAUTIOUS_SPEED, SEGMENTS

SHORTEST: Final[Ms] = 10 * SECOND
"""A step is announced so long before it begins."""
LONGEST: Final[Ms] = 60 * MINUTE
AROUND: Final[Ms] = 2 * MINUTE
"""Forward, before and after."""
FORWARD: Final[Speed] = 150
"""The speed of that [CHOICE]."""
SLOWEST: Final[Speed] = 50
"""What is slower is standing; no belt goes slower."""
MOST: Final = SEGMENTS - 4
"""Steps, beside those that are put around."""
GRID: Final[Speed] = 10
"""Speeds are rounded down to 0.1 km/h."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What the site allows. `top`: scale the whole so that its fastest speed is this one."""

    speed: Speed
    incline: Incline
    backward: Ms = BACKWARD_TIME
    top: Speed | None = None


class Fitted(Struct, frozen=True, kw_only=True):
    """A program, its text, and what had to be changed. `tightened` and `refused` are sentences."""

    program: Program
    text: str
    tightened: tuple[str, ...]
    refused: tuple[str, ...]


def fit(foreign: Foreign, bounds: Bounds, program_id: str) -> Fitted:
    """Make a program of it.

    Raises:
        ImportFailedError: nothing is left that can be walked.
    """
    notes: list[str] = []
    refused = list(foreign.refused)
    blocks = _scale(foreign.blocks, bounds, notes)
    blocks = _limit(blocks, bounds, notes, refused)
    blocks = _ease(blocks, notes)
    blocks = _cut(blocks, bounds, refused)
    if not blocks:
        why = "; ".join(refused[:3]) or "it has no steps"
        raise ImportFailedError(f"nothing of it can be walked backward: {why}")
    notes.append(f"added: {show_duration(AROUND)} facing forward before and after, and the turns")
    text = _write(foreign, blocks, bounds)
    return Fitted(
        program=read_program(text, program_id),
        text=text,
        tightened=tuple(notes),
        refused=tuple(refused),
    )


def _scale(blocks: Iterable[Block], bounds: Bounds, notes: list[str]) -> list[Block]:
    """All speeds by one factor, so that their relation stays; only ever down."""
    found = list(blocks)
    fastest = max((max(one.speed, one.end) for one in found), default=0)
    top = bounds.top
    if top is None or fastest <= top:
        return found
    notes.append(f"all speeds scaled from at most {show_speed(fastest)} to {show_speed(top)}")
    return [
        replace(
            one,
            speed=one.speed * top // fastest,
            ramp_to=None if one.ramp_to is None else one.ramp_to * top // fastest,
        )
        for one in found
    ]


def _limit(
    blocks: list[Block], bounds: Bounds, notes: list[str], refused: list[str]
) -> list[Block]:
    """Each block by itself: its speed, its slope, its length."""
    kept: list[Block] = []
    steepest = min(bounds.incline, INCLINE)
    for block in blocks:
        if block.duration < SHORTEST:
            refused.append(f"{block.where}: shorter than {SHORTEST // SECOND} s")
            continue
        speed = _lower(block.speed, bounds.speed, block, notes)
        ramp_to = block.ramp_to
        if ramp_to is not None:
            ramp_to = _lower(ramp_to, bounds.speed, block, notes)
        incline = min(max(block.incline, 0), steepest)
        if incline != block.incline:
            slopes = f"{show_incline(block.incline)} to {show_incline(incline)}"
            notes.append(f"{block.where}: incline from {slopes}")
        duration = min(block.duration, LONGEST) // SECOND * SECOND
        kept.append(
            replace(
                block,
                speed=speed,
                ramp_to=None if ramp_to == speed else ramp_to,
                incline=incline,
                duration=duration,
            )
        )
    return kept


def _lower(speed: Speed, most: Speed, block: Block, notes: list[str]) -> Speed:
    if speed > most:
        notes.append(f"{block.where}: {show_speed(speed)} lowered to {show_speed(most)}")
    elif speed < SLOWEST:
        notes.append(f"{block.where}: standing becomes {show_speed(SLOWEST)}, or what is slowest")
    return max(min(speed, most) // GRID * GRID, SLOWEST)


def _ease(blocks: list[Block], notes: list[str]) -> list[Block]:
    """Each change of speed: at once if it is small, else over a ramp, which takes of the block's time."""
    eased: list[Block] = []
    present: Speed | None = None
    for block in blocks:
        first = present is None
        before = BACKWARD_START if present is None else present
        jump = block.speed - before
        sudden = jump > 0 if first else abs(jump) > JUMP
        parts = _approach(block, before, notes) if sudden else [_tame(block, block.speed, notes)]
        eased += parts
        present = parts[-1].end
    return eased


def _approach(block: Block, before: Speed, notes: list[str]) -> list[Block]:
    """A block that begins too far from the speed before it."""
    if block.ramp_to is not None:
        notes.append(f"{block.where}: its ramp begins at {show_speed(before)}")
        return [_tame(replace(block, speed=before), before, notes)]
    time = max(_ramp_time(before, block.speed), SHORTEST)
    ramp = replace(block, speed=before, ramp_to=block.speed, duration=time)
    if block.duration >= time + SHORTEST:
        notes.append(f"{block.where}: begins with a ramp of {time // SECOND} s")
        return [ramp, replace(block, duration=block.duration - time, cue=None)]
    notes.append(f"{block.where}: becomes a ramp")
    return [_tame(replace(ramp, duration=block.duration), before, notes)]


def _tame(block: Block, start: Speed, notes: list[str]) -> Block:
    """A ramp that is too quick for its time goes less far."""
    if block.ramp_to is None or block.ramp_to == start:
        return replace(block, ramp_to=None)
    rate = RISE if block.ramp_to > start else FALL
    reach = rate * (block.duration // SECOND) // GRID * GRID
    if abs(block.ramp_to - start) <= reach:
        return block
    end = start + reach if block.ramp_to > start else start - reach
    notes.append(f"{block.where}: there is time to come to {show_speed(end)} only")
    return replace(block, ramp_to=end)


def _ramp_time(start: Speed, end: Speed) -> Ms:
    rate = RISE if end > start else FALL
    return -(-abs(end - start) // rate) * SECOND


def _cut(blocks: list[Block], bounds: Bounds, refused: list[str]) -> list[Block]:
    """No longer backward than is allowed, and no more steps."""
    most = min(bounds.backward, BACKWARD_TIME) // SECOND * SECOND
    kept: list[Block] = []
    total: Ms = 0
    for block in blocks:
        left = most - total
        if left < SHORTEST or len(kept) >= MOST:
            refused.append(f"{block.where} and all after it: beyond {show_duration(most)} backward")
            break
        if block.duration > left:
            refused.append(
                f"{block.where} after {show_duration(left)}, and all that follows: too long"
            )
            kept.append(_tame(replace(block, duration=left), block.speed, []))
            break
        kept.append(block)
        total += block.duration
    return kept


def _write(foreign: Foreign, blocks: list[Block], bounds: Bounds) -> str:
    """The program as text, as a person would have written it."""
    around = min(FORWARD, bounds.speed)
    top = max(around, *(max(one.speed, one.end) for one in blocks))
    slope = max(one.incline for one in blocks)
    level = "cautious" if top <= CAUTIOUS_SPEED else "regular" if top <= WALK_SPEED else "locked"
    about = foreign.about or "imported; look through it before you walk it"
    lines = [
        "# Imported. Tightened for walking backward; see what `backstride import` said.",
        f"name: {_quote(foreign.name, 60)}",
        f"goal: {_quote(about, 200)}",
        f"level: {level}",
        f"max speed: {show_speed(top)}",
        *([f"max incline: {show_incline(slope)}"] if slope else []),
        "steps:",
        f"  - warmup: {AROUND // SECOND} s",
        "    facing: forward",
        f"    speed: {show_speed(around)}",
        "  - turn: backward",
    ]
    for block in blocks:
        # A cool-down is where `finish` goes to: one in the middle of things is not meant.
        effort = Effort.RECOVER if block.effort is Effort.COOLDOWN else block.effort
        lines.append(f"  - {effort}: {block.duration // SECOND} s")
        lines.append(
            f"    speed: {show_speed(block.speed)}"
            if block.ramp_to is None
            else f"    ramp: {show_speed(block.speed)} to {show_speed(block.ramp_to)}"
        )
        if block.incline:
            lines.append(f"    incline: {show_incline(block.incline)}")
        if cue := _clean(block.cue or ""):
            lines.append(f"    cue: {_quote(cue, 120)}")
    lines += [
        "  - turn: forward",
        f"  - cooldown: {AROUND // SECOND} s",
        f"    speed: {show_speed(around)}",
    ]
    return "\n".join(lines) + "\n"


def _clean(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _quote(text: str, most: int) -> str:
    """One line of a text; a JSON string is a YAML string, so that nothing in it can end it."""
    return json.dumps(_clean(text)[:most].strip() or "imported", ensure_ascii=False)
