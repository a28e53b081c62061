"""The rules of a whole program: what no single value can break.

Theory of operation: the steps are walked in the order in which a walker would meet them, repeats written
out, and each step is compared with the one before. A rule that needs the machine is left to the
envelope, which judges the same program again on the machine it is armed for; here
`machine minimum` is given the benefit of the doubt. Nothing here changes a program.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from msgspec import Struct

from backstride.domain.envelope import FALL, RISE
from backstride.domain.limits import BACKWARD_TIME, JOG_SPEED, JUMP, WALK_SPEED
from backstride.domain.units import (
    KMH,
    MINUTE,
    SECOND,
    Incline,
    Ms,
    Speed,
    show_duration,
    show_incline,
    show_speed,
)
from backstride.domain.workout import (
    MACHINE_MINIMUM,
    Effort,
    Facing,
    Level,
    Repeat,
    Step,
    Turn,
)
from backstride.scripts.problems import Findings, Mark
from backstride.scripts.tree import Scalar

NESTING: Final = 3
"""Repeats inside repeats [CHOICE]: sets of sets of intervals."""
SEGMENTS: Final = 500
"""Steps with all repeats written out [CHOICE]: two hours of 15 s steps."""
TOTAL: Final[Ms] = 120 * MINUTE
"""The whole program [CHOICE]: four times the longest backward time, with all the forward walking."""
CAUTIOUS_SPEED: Final[Speed] = 2 * KMH
"""Every elderly faller walked backward below 0.6 m/s = 2.16 km/h (Fritz 2013, PMID 23122938)."""
BACKWARD_START: Final[Speed] = 2 * KMH
"""Fastest first backward step after standing [CHOICE]: the top of the beginners' work speeds."""
FASTEST_MINIMUM: Final[Speed] = 2 * KMH
"""The highest lowest speed of a known machine (KingSmith R1 Pro): `machine minimum` is at most this."""

_LEVEL_SPEED: Final = {
    Level.BEGINNER: WALK_SPEED,
    Level.CAUTIOUS: CAUTIOUS_SPEED,
    Level.REGULAR: WALK_SPEED,
    Level.ADVANCED: WALK_SPEED,
    Level.LOCKED: JOG_SPEED,
}


class Head(Struct, frozen=True, kw_only=True):
    """What the head of a program says about its steps."""

    level: Level
    max_speed: Speed
    max_speed_at: Scalar
    max_incline: Incline


class StepItem(Struct, frozen=True):
    """A step and where its parts are written; `facing` belongs to the first one only."""

    step: Step
    at: Scalar
    effort_at: Mark
    pace_at: Scalar
    incline_at: Scalar | None
    facing: Facing | None

    def build(self) -> Step:
        """The step alone."""
        return self.step


class TurnItem(Struct, frozen=True):
    """A turn and where its word is written."""

    turn: Turn
    at: Scalar

    def build(self) -> Turn:
        """The turn alone."""
        return self.turn


class RepeatItem(Struct, frozen=True):
    """A repeat and where its number is written."""

    times: int
    items: tuple[Item, ...]
    at: Scalar

    def build(self) -> Repeat:
        """The repeat alone."""
        steps = tuple(item.build() for item in self.items)
        return Repeat(times=self.times, steps=steps, line=self.at.at.line)


type Item = StepItem | TurnItem | RepeatItem


def judge(head: Head, items: tuple[Item, ...], findings: Findings) -> Facing:
    """Note everything that is wrong with the steps, and tell which way the walker looks first."""
    _judge_level(head, findings)
    first = items[0]
    if not isinstance(first, StepItem) or first.facing is None:
        at = first.effort_at if isinstance(first, StepItem) else first.at.at
        accepted = "begin with `warmup: 3 min` and `facing: forward`"
        findings.add(at, "a program begins with a step of its own", "", accepted)
        return Facing.FORWARD
    if not _judge_size(items, findings):
        return first.facing
    _Walk(head, first.facing, findings).judge(items)
    return first.facing


def _judge_level(head: Head, findings: Findings) -> None:
    most = _LEVEL_SPEED[head.level]
    if head.max_speed > most:
        scalar = head.max_speed_at
        what = f"max speed: too fast for the level `{head.level}`"
        accepted = f"at most {show_speed(most)} are accepted"
        if head.level is not Level.LOCKED and head.max_speed > WALK_SPEED:
            accepted += "; backward jogs have the level `locked`"
        findings.add(scalar.at, what, scalar.text, accepted)


def _judge_size(items: tuple[Item, ...], findings: Findings) -> bool:
    """Whether the steps may be written out at all: few enough, and not too long together."""
    count, total = _size(items)
    if count <= SEGMENTS and total <= TOTAL:
        return True
    largest = max(items, key=lambda item: _size((item,)))
    what, accepted = (
        (f"{count} steps are too many", f"at most {SEGMENTS} steps are accepted, repeats included")
        if count > SEGMENTS
        else (
            f"the program lasts {show_duration(total)}, too long",
            f"at most {show_duration(TOTAL)} are accepted",
        )
    )
    findings.add(largest.at.at, what, largest.at.text, accepted)
    return False


def _size(items: tuple[Item, ...]) -> tuple[int, Ms]:
    """How many steps and turns, and how long, with repeats written out: by counting only."""
    count, total = 0, 0
    for item in items:
        match item:
            case StepItem(step=step):
                count, total = count + 1, total + step.duration
            case TurnItem():
                count += 1
            case RepeatItem(times=times, items=inner):
                inner_count, inner_total = _size(inner)
                count, total = count + times * inner_count, total + times * inner_total
            case _:
                assert_never(item)
    return count, total


def _written_out(items: tuple[Item, ...]) -> Iterator[StepItem | TurnItem]:
    for item in items:
        if isinstance(item, RepeatItem):
            for _ in range(item.times):
                yield from _written_out(item.items)
        else:
            yield item


class _Walk:
    """One walk over the steps with what was met before."""

    def __init__(self, head: Head, facing: Facing, findings: Findings) -> None:
        self.head = head
        self.facing = facing
        self.findings = findings
        self.before: StepItem | None = None
        self.turn: TurnItem | None = None
        self.backward: Ms = 0

    def judge(self, items: tuple[Item, ...]) -> None:
        """Judge every step and turn, and how it ends."""
        for item in _written_out(items):
            if isinstance(item, TurnItem):
                self._judge_turn(item)
                continue
            self._judge_speed(item)
            self._judge_incline(item)
            self._judge_change(item)
            self._judge_backward(item)
            self.before, self.turn = item, None
        self._judge_end()

    def _judge_turn(self, item: TurnItem) -> None:
        if self.turn is not None:
            accepted = "put a step between two turns"
            self.findings.add(item.at.at, "a turn follows a turn", item.at.text, accepted)
        elif item.turn.to is self.facing:
            other = Facing.FORWARD if self.facing is Facing.BACKWARD else Facing.BACKWARD
            what = f"the walker already looks {self.facing} here"
            accepted = f"turn {other}, or delete the turn"
            self.findings.add(item.at.at, what, item.at.text, accepted)
        self.facing = item.turn.to
        self.turn = item

    def _judge_speed(self, item: StepItem) -> None:
        step = item.step
        end = step.speed if step.ramp_to is None else step.ramp_to
        if max(step.speed, end) > self.head.max_speed:
            accepted = f"write at most {show_speed(self.head.max_speed)}, or raise `max speed`"
            what = "this is faster than the program's own `max speed`"
            self.findings.add(item.pace_at.at, what, item.pace_at.text, accepted)
        change = end - step.speed
        rate, word = (RISE, "rises") if change > 0 else (FALL, "falls")
        if abs(change) * SECOND > rate * step.duration:
            shortest = -(-abs(change) // rate)
            what = f"the ramp {word} too quickly for {show_duration(step.duration)}"
            accepted = f"give it at least {shortest} s"
            self.findings.add(item.pace_at.at, what, item.pace_at.text, accepted)

    def _judge_incline(self, item: StepItem) -> None:
        if item.incline_at is not None and item.step.incline > self.head.max_incline:
            most = show_incline(self.head.max_incline)
            what = "this is steeper than the program's own `max incline`"
            accepted = (
                f"write at most {most}, or add `max incline: {show_incline(item.step.incline)}`"
            )
            self.findings.add(item.incline_at.at, what, item.incline_at.text, accepted)

    def _judge_change(self, item: StepItem) -> None:
        speed = item.step.speed
        standing = self.before is None or self.turn is not None
        if self.before is None and item.step.effort is not Effort.WARMUP:
            accepted = "begin with `warmup: 3 min`"
            self.findings.add(item.effort_at, "a program begins with a warm-up", "", accepted)
        if standing:
            if self.facing is Facing.BACKWARD and speed > BACKWARD_START:
                what = "backward walking begins too fast"
                accepted = f"begin with at most {show_speed(BACKWARD_START)}, then ramp"
                self.findings.add(item.pace_at.at, what, item.pace_at.text, accepted)
            return
        if self.before is None:
            return
        last = self.before.step
        jump = _jump(last.speed if last.ramp_to is None else last.ramp_to, speed)
        if jump > JUMP:
            what = f"the speed jumps by {show_speed(jump)}"
            accepted = f"change it by at most {show_speed(JUMP)}, or put a `ramp` between"
            self.findings.add(item.pace_at.at, what, item.pace_at.text, accepted)

    def _judge_backward(self, item: StepItem) -> None:
        if self.facing is Facing.FORWARD:
            return
        before = self.backward
        self.backward += item.step.duration
        if before <= BACKWARD_TIME < self.backward:
            accepted = f"at most {show_duration(BACKWARD_TIME)} are accepted"
            what = "here the backward walking becomes too long"
            self.findings.add(item.at.at, what, item.at.text, accepted)

    def _judge_end(self) -> None:
        if self.turn is not None:
            accepted = "put a step after it, or delete it"
            self.findings.add(
                self.turn.at.at, "a turn ends the program", self.turn.at.text, accepted
            )
        elif self.before is not None and self.before.step.effort is not Effort.COOLDOWN:
            accepted = "end with `cooldown: 3 min`"
            self.findings.add(
                self.before.effort_at, "a program ends with a cool-down", "", accepted
            )


def _jump(before: Speed, after: Speed) -> Speed:
    """How far the speed jumps between two steps, at the least, on any machine."""
    if before == after:
        return 0
    if MACHINE_MINIMUM in {before, after}:
        return max(before + after - FASTEST_MINIMUM, 0)
    return abs(after - before)
