"""A journal for a terminal and for scripts, event by event."""

from __future__ import annotations

from typing import Any, Final

from msgspec import to_builtins
from rich.text import Text

from backstride.domain.events import Event, LinkUp, Request, Telemetry, Tick
from backstride.domain.notices import Alarm, Answer, Cue, Moved, Notice, Refused
from backstride.domain.session import Order, Transition
from backstride.domain.units import Ms

QUIET: Final = (Tick, Telemetry)
"""Events that say nothing by themselves: ten a second."""


def record_of(event: Event, transition: Transition) -> dict[str, Any]:
    """One event and what came of it, for scripts."""
    return {
        "event": to_builtins(event),
        "phase": transition.session.phase,
        "orders": [to_builtins(order.command) for order in transition.orders],
        "notices": [to_builtins(notice) for notice in transition.notices],
    }


def lines_of(event: Event, transition: Transition, *, everything: bool) -> list[Text]:
    """What a person wants to read of one event."""
    lines = []
    if everything or not isinstance(event, QUIET):
        lines.append(_event(event))
    lines += [_order(order) for order in transition.orders]
    lines += [_notice(notice) for notice in transition.notices]
    return lines


def _event(event: Event) -> Text:
    if isinstance(event, Request):
        program = f" {event.program.id}" if event.program else ""
        return Text.assemble(("? ", "cyan"), f"asked: {event.ask}{program} ({event.source})")
    if isinstance(event, LinkUp):
        return Text(f"· link up: {event.machine.name or event.machine.address}", style="dim")
    fields = {
        name: value
        for name, value in to_builtins(event).items()
        if name not in {"at", "type"} and value is not None
    }
    told = " ".join(f"{name}={value}" for name, value in fields.items())
    return Text(f"· {type(event).__name__.lower()} {told}".rstrip(), style="dim")


def _order(order: Order) -> Text:
    told = to_builtins(order.command)
    name = told.pop("type", type(order.command).__name__.lower())
    values = " ".join(f"{key}={value}" for key, value in told.items())
    return Text.assemble(("→ ", "yellow"), f"{name} {values}".rstrip())


def _notice(notice: Notice) -> Text:
    match notice:
        case Moved():
            return Text.assemble(("■ ", "bold"), (notice.after, "bold"), f"  ({notice.trigger})")
        case Answer():
            return Text.assemble(("! ", "cyan"), f"{notice.reply}: {notice.sentence}")
        case Cue():
            return Text.assemble(("♪ ", "green"), f"{notice.kind}: {notice.text}")
        case Alarm():
            return Text(f"✗ {notice.cause}: {notice.sentence} ({notice.action})", style="red")
        case Refused():
            return Text(f"✗ the gate refused {notice.command}: {notice.sentence}", style="red")


def clock(ms: Ms) -> str:
    """An instant since the journal's beginning, to a tenth of a second."""
    minutes, rest = divmod(max(ms, 0), 60_000)
    return f"{minutes:3}:{rest // 1000:02}.{rest % 1000 // 100}"
