"""The live view as a picture of a `Screen`: a pure function, so that it can be tested and printed.

Everything important stands at the same place in every phase; what may no longer be true is grey. Nothing
is told by colour alone. Readable from 24 rows and 80 columns on.
"""

from __future__ import annotations

import io
from typing import Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from backstride.cli.panels import (
    COLOUR,
    alarm_row,
    cue_row,
    message_row,
    next_row,
    phase_row,
    program_rows,
    progress_row,
    speed_rows,
    trail_chart,
)
from backstride.cli.sight import Screen, Sight
from backstride.domain.notices import CueKind
from backstride.domain.session import ACTIVE, Phase
from backstride.domain.units import SECOND, show_duration

_FIXED_ROWS: Final = 18
"""Rows of everything but the chart, which takes the rest."""
_SMALLEST_CHART: Final = 3
_STOP_KEY: Final = ("s/Esc", "STOP")
_RESTING: Final = (("p", "program"), ("a", "arm"))
_WALKING: Final = (("space", "pause"), ("n", "next"), ("+/-", "speed"), ("f", "finish"))
_KEYS: Final[dict[Phase, tuple[tuple[str, str], ...]]] = {
    Phase.OFFLINE: (("p", "program"),),
    Phase.IDLE: _RESTING,
    Phase.ARMED: (("c", "confirm"), ("p", "program")),
    Phase.COUNTDOWN: (),
    Phase.STARTING: (),
    Phase.RUNNING: _WALKING,
    Phase.TURNING: (("c", "confirm"), ("f", "finish")),
    Phase.HOLDING: (("space", "continue"), ("f", "finish"), ("y", "I am here")),
    Phase.SLOWING: (("y", "I am here"),),
    Phase.STOPPING: (),
    Phase.FINISHED: _RESTING,
    Phase.HANDED_OVER: (),
    Phase.FAULTED: (("k", "acknowledge"),),
}
"""The keys worth showing in a phase; all of them work in all phases, and STOP stands first always."""


def render(screen: Screen, height: int) -> RenderableType:
    """The whole screen, `height` rows high."""
    sight = screen.sight
    if sight is None:
        body: RenderableType = _nothing(screen)
    else:
        body = _treadmill(sight, screen, max(height - _FIXED_ROWS, _SMALLEST_CHART))
    return Panel(
        body,
        title=_title(screen),
        subtitle=_keys(screen),
        box=box.ROUNDED,
        border_style=_border(screen),
        height=height,
        padding=(0, 1),
    )


def _title(screen: Screen) -> Text:
    title = Text.assemble(("Backstride", "bold"))
    for sight in screen.sights:
        here = sight is screen.sight
        name = sight.id if len(screen.sights) == 1 else f"[{sight.id}]" if here else f" {sight.id} "
        colour = (
            COLOUR[sight.phase]
            if sight.phase and not sight.is_stale(screen.now)
            else "bright_black"
        )
        title.append(" · " if len(screen.sights) == 1 else " ")
        title.append(name, f"bold {colour}" if here else colour)
    return title


def _border(screen: Screen) -> str:
    sight = screen.sight
    if screen.trouble or sight is None or sight.is_stale(screen.now) or sight.phase is None:
        return "bright_black"
    return COLOUR[sight.phase]


def _keys(screen: Screen) -> Text:
    sight = screen.sight
    shown: list[tuple[str, str]] = [_STOP_KEY]
    if sight is not None and sight.phase is not None:
        shown += _KEYS[sight.phase]
        cue = sight.state.cue if sight.state else None
        if sight.phase is Phase.RUNNING and cue is not None and cue.kind is CueKind.CHECK_IN:
            shown.insert(1, ("y", "I am here"))
    if len(screen.sights) > 1:
        shown.append(("tab", "treadmill"))
    shown.append(("q", "quit"))
    text = Text()
    for key, meaning in shown:
        text.append(f" {key} ", "bold")
        text.append(f"{meaning} ", "bold red" if meaning == "STOP" else "dim")
    return text


def _nothing(screen: Screen) -> RenderableType:
    if screen.trouble:
        return Group(Text(), Text(screen.trouble, style="red"))
    return Group(
        Text(),
        Text("Connected to the broker, which knows no treadmill yet."),
        Text("Is the daemon running? backstride run", style="dim"),
    )


def _treadmill(sight: Sight, screen: Screen, chart_rows: int) -> RenderableType:
    now, state = screen.now, sight.state
    stale = sight.is_stale(now)
    rows: list[RenderableType] = [_link(sight, screen), Text()]
    if state is None:
        rows += [Text("no state heard yet", style="dim")]
        return Group(*rows)
    rows.append(phase_row(state, stale=stale))
    rows.append(
        Text(state.sentence or " ", style="dim" if stale else "", overflow="ellipsis", no_wrap=True)
    )
    rows += [Text(), speed_rows(state, stale=stale), Text()]
    if state.phase in ACTIVE or state.script is not None:
        rows.append(trail_chart(sight, now, chart_rows))
        rows += [progress_row(state), next_row(state, sight.age(now) or 0, stale=stale)]
    else:
        rows.append(program_rows(sight, chart_rows + 4))
    rows += [cue_row(sight, now), alarm_row(state), message_row(screen)]
    return Group(*rows)


def _link(sight: Sight, screen: Screen) -> Text:
    now = screen.now
    name = (sight.state and sight.state.machine) or "no treadmill connected"
    text = Text.assemble((name, "bold"), no_wrap=True, overflow="ellipsis")
    if screen.trouble:
        return text.append(f"  ✗ {screen.trouble}", "red")
    if sight.online is False:
        return text.append("  ✗ the daemon is offline", "red")
    if sight.connection is not None and not sight.connection.up:
        text.append(f"  ✗ {sight.connection.reason or 'not connected'}", "red")
    elif sight.connection is not None:
        rssi = f" {sight.connection.rssi} dBm" if sight.connection.rssi is not None else ""
        text.append(f"  ● connected{rssi}", "green")
    age = sight.age(now)
    if age is not None and sight.is_stale(now):
        return text.append(f"  ✗ no news for {show_duration(age)}", "bold red")
    if sight.state is not None and sight.state.age is not None and sight.state.phase in ACTIVE:
        # At rest state comes too seldom to tell how old the belt's own news is.
        measured = sight.state.age + (age or 0) / SECOND
        text.append(f"  belt seen {measured:.1f} s ago", "yellow" if measured > 3 else "dim")
    return text


def export_svg(screen: Screen, width: int = 100, height: int = 30) -> str:
    """The screen as an SVG picture, for a page."""
    console = Console(
        file=io.StringIO(), record=True, width=width, force_terminal=True, color_system="truecolor"
    )
    console.print(render(screen, height))
    return console.export_svg(title="backstride watch", unique_id="backstride")
