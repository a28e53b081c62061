"""The product, broken on purpose in one place each: the search must find every one of them.

A variant replaces functions of the domain for as long as its context lasts. Most replace the code of a
function
in place, so that every table and every import that holds the function gets the broken one.
"""

# ruff: noqa: SLF001  what is broken here is private as often as not

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final

from msgspec.structs import replace

from backstride.domain import (
    bounds,
    ceiling,
    console,
    envelope,
    evidence,
    following,
    operator,
    outcomes,
    plausibility,
    recovery,
    session,
    step,
    stopping,
)
from backstride.domain.commands import SetSpeed
from backstride.domain.limits import Limit
from backstride.domain.session import Draft, Then
from safety.model.scene import EVERYTHING, Scene, domain
from safety.model.search import Report, search


@contextmanager
def body(function: Callable[..., Any], other: Callable[..., Any]) -> Iterator[None]:
    """Give a function another body, wherever it is known. `other` may use no names but its arguments'."""
    if not (isinstance(function, FunctionType) and isinstance(other, FunctionType)):
        raise TypeError("only plain functions have a body")
    code = function.__code__
    function.__code__ = other.__code__
    try:
        yield
    finally:
        function.__code__ = code


@contextmanager
def instead(
    function: Callable[..., Any], make: Callable[[Any], Callable[..., Any]]
) -> Iterator[None]:
    """Put `make(function)` in the function's place, in every module of the domain."""
    other = make(function)
    places = [
        (module, name)
        for module in domain()
        for name, value in list(vars(module).items())
        if value is function
    ]
    tables = [
        table
        for module in domain()
        for table in vars(module).values()
        if isinstance(table, dict) and function in table.values()
    ]
    keys = [(table, k) for table in tables for k, v in table.items() if v is function]
    try:
        for module, name in places:
            setattr(module, name, other)
        for table, k in keys:
            table[k] = other
        yield
    finally:
        for module, name in places:
            setattr(module, name, function)
        for table, k in keys:
            table[k] = function


@contextmanager
def constants(**values: int) -> Iterator[None]:
    """Other numbers, in every module that knows the name."""
    changed = []
    try:
        for module in domain():
            for name, value in values.items():
                if name in vars(module):
                    changed.append((module, name, getattr(module, name)))
                    setattr(module, name, value)
        yield
    finally:
        for module, name, value in changed:
            setattr(module, name, value)


@contextmanager
def method(owner: type, name: str, make: Callable[[Any], Callable[..., Any]]) -> Iterator[None]:
    """Another method."""
    original = getattr(owner, name)
    setattr(owner, name, make(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


@dataclass(frozen=True)
class Variant:
    """One defect, the hazard it opens, and the scene in which it should be found."""

    name: str
    hazard: str
    breaks: Callable[[ExitStack], None]
    scene: Scene


def _keep_granted(original: Any) -> Callable[..., None]:
    def change(self: Draft, **changes: object) -> None:
        if changes.get("owed") and "started_at" in changes:
            changes.pop("start_granted")
        original(self, **changes)

    return change


def _no_probe(original: Any) -> Callable[..., None]:
    def probe(d: Draft, within: Any) -> None:
        original(d, within)
        d.drive(probed=2, probe_at=None)

    return probe


def _unlatched(original: Any) -> Callable[..., None]:
    def fault(d: Draft, finding: Any) -> None:
        original(d, finding)
        d.set(fault=None, then=Then.FINISH)

    return fault


def _only_alarm(original: Any) -> Callable[..., None]:  # noqa: ARG001
    def hand_over(d: Draft, finding: Any) -> None:
        d.alarm(finding)

    return hand_over


def _replace_quietly(original: Any) -> Callable[..., None]:
    def link_up(d: Draft, event: Any) -> None:
        if d.s.linked:
            d.set(epoch=event.epoch)
        else:
            original(d, event)

    return link_up


def _forget_debt(original: Any) -> Callable[..., None]:
    def link_down(d: Draft, reason: str) -> None:
        original(d, reason)
        d.set(owed=False)

    return link_down


def _wider(original: Any) -> Callable[..., Any]:
    def wide(*layers: Any) -> Any:
        known = original(*layers)
        return replace(known, speed=Limit(known.speed.chain[:1]))

    return wide


def _not_ending(original: Any) -> Callable[..., None]:
    def shut_down(d: Draft) -> None:
        original(d)
        d.set(ending=False)

    return shut_down


def _any_epoch(original: Any) -> Callable[..., Any]:
    def situation(s: Any) -> Any:
        return replace(original(s), moves=s.phase in session.MOVING)

    return situation


def _impatient(original: Any) -> Callable[..., bool]:  # noqa: ARG001
    def again(s: Any) -> bool:
        sent = s.drive.stop_at
        return sent is not None and s.now - sent >= 1_000

    return again


def _at_once(original: Any) -> Callable[..., None]:  # noqa: ARG001
    def up(d: Draft, target: int, within: Any) -> None:  # noqa: ARG001
        d.order(SetSpeed(target))

    return up


def _uphill_down(original: Any) -> Callable[..., int]:  # noqa: ARG001
    def incline_grid(self: Any, incline: int) -> int:  # noqa: ARG001
        return -10

    return incline_grid


def _in(*managers: Any) -> Callable[[ExitStack], None]:
    """Enter these, made anew each time."""

    def enter(stack: ExitStack) -> None:
        for make in managers:
            stack.enter_context(make())

    return enter


_ONE: Final = Scene(name="plain", groups=EVERYTHING)
_MPH: Final = Scene(name="mph", groups=frozenset({"people"}), mph=True, budget=0)
_HEART: Final = Scene(
    name="heart", groups=frozenset({"people", "heart"}), heart=True, high=150, cap=150
)
_COMMITS: Final = Scene(name="commits", groups=EVERYTHING, delay=4_000, commits=True)
_TOGGLE: Final = Scene(
    name="toggles", groups=EVERYTHING, toggles=True, brake=20, high=150, cap=150, top=200
)
_TILT: Final = Scene(name="tilts", groups=EVERYTHING | {"deck"}, tilts=True)

VARIANTS: Final[tuple[Variant, ...]] = (
    Variant("no probe", "H05 H20", _in(lambda: instead(following._probe, _no_probe)), _MPH),
    Variant(
        "a fault does not latch", "H15", _in(lambda: instead(stopping.fault, _unlatched)), _ONE
    ),
    Variant(
        "old connections are heard",
        "H03",
        _in(lambda: body(step._obsolete, lambda *_: False)),
        _ONE,
    ),
    Variant(
        "a replaced connection goes unnoticed",
        "H03",
        _in(lambda: instead(recovery.link_up, _replace_quietly)),
        _ONE,
    ),
    Variant(
        "a replaced connection goes unnoticed, by the gate too",
        "H03",
        _in(
            lambda: instead(recovery.link_up, _replace_quietly),
            lambda: instead(session.situation, _any_epoch),
        ),
        _ONE,
    ),
    Variant(
        "a confirm is not used up", "H01", _in(lambda: method(Draft, "set", _keep_granted)), _ONE
    ),
    Variant(
        "one zero frame proves rest, also one from before",
        "H15",
        _in(
            lambda: constants(STILL_FRAMES=1),
            lambda: body(stopping._may_yet_start, lambda *_: False),
            lambda: body(evidence.void, lambda before: before),
            lambda: body(outcomes._stop, lambda d, _: d.drive(stop_answered_at=d.s.now)),
        ),
        _ONE,
    ),
    Variant(
        "a Start that may yet work is forgotten",
        "H15",
        _in(lambda: body(stopping._may_yet_start, lambda *_: False)),
        _COMMITS,
    ),
    Variant(
        "handing over changes nothing",
        "H17",
        _in(lambda: instead(stopping.hand_over, _only_alarm)),
        _ONE,
    ),
    Variant(
        "the console is not listened to",
        "H17",
        _in(lambda: body(console._take, lambda *_: None)),
        _ONE,
    ),
    Variant(
        "no heart is too fast", "H30", _in(lambda: body(ceiling.strain, lambda _: None)), _HEART
    ),
    Variant(
        "the planner raises in one step",
        "H06",
        _in(lambda: instead(following._raise, _at_once)),
        _ONE.but(high=150, cap=150),
    ),
    Variant(
        "the planner raises in one step and the gate lets it",
        "H06",
        _in(
            lambda: instead(following._raise, _at_once),
            lambda: body(envelope._judge_rise, lambda *_: None),
        ),
        _ONE.but(high=150, cap=150),
    ),
    Variant(
        "no slew limit at all",
        "H06",
        _in(
            lambda: constants(PACE=0, RISE=10_000, FALL=10_000),
            lambda: body(envelope._slew, lambda *_: None),
        ),
        _ONE,
    ),
    Variant(
        "only the first layer caps the speed",
        "H04",
        _in(lambda: instead(bounds.envelope, _wider)),
        _ONE,
    ),
    Variant(
        "a refused Stop is not repeated",
        "H15",
        _in(lambda: body(stopping._stop_again, lambda *_: False)),
        _ONE,
    ),
    Variant(
        "Stop is repeated without looking",
        "H16",
        _in(lambda: instead(stopping._stop_again, _impatient)),
        _TOGGLE,
    ),
    Variant(
        "silence is not noticed",
        "H13",
        _in(lambda: body(plausibility.stale, lambda *_: None)),
        _ONE,
    ),
    Variant(
        "overspeed is not noticed",
        "H05",
        _in(
            lambda: body(plausibility.over_cap, lambda *_: None),
            lambda: body(plausibility.too_fast_at_once, lambda *_: None),
            lambda: body(plausibility.over_target, lambda *_: None),
        ),
        _ONE.but(name="fast start", start_speed=150),
    ),
    Variant(
        "a lost link forgives the debt",
        "H09",
        _in(lambda: instead(recovery.link_down, _forget_debt)),
        _ONE,
    ),
    Variant(
        "a crash leaves no claim",
        "H10",
        _in(lambda: body(session.ownership, lambda *_: None)),
        _ONE,
    ),
    Variant(
        "acknowledged while it moves",
        "H15",
        _in(lambda: body(operator._asked_to_look, lambda *_: True)),
        _ONE,
    ),
    Variant(
        "a start after the shutdown",
        "H25",
        _in(lambda: instead(recovery.shut_down, _not_ending)),
        _ONE,
    ),
    Variant(
        "two procedures at a time", "H24", _in(lambda: body(following.ready, lambda *_: True)), _ONE
    ),
    Variant(
        "downhill is asked for",
        "H08",
        _in(lambda: method(bounds.Envelope, "incline_grid", _uphill_down)),
        _TILT,
    ),
    Variant(
        "neither a command nor its answer voids what was seen",
        "H15",
        _in(
            lambda: body(outcomes._stop, lambda d, _: d.drive(stop_answered_at=d.s.now)),
            lambda: body(evidence.void, lambda before: before),
        ),
        _ONE,
    ),
    Variant(
        "the found speed replaces the commanded one",
        "H06",
        _in(lambda: body(following.answering, lambda *_: False)),
        _ONE.but(budget=2, groups=frozenset({"answers", "console"})),
    ),
)


def hunt(variant: Variant, limit: int | None = 200_000) -> Report:
    """Search for one variant's defect."""
    with ExitStack() as stack:
        variant.breaks(stack)
        return search(variant.scene, limit)
