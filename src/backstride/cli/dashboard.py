"""The live view as a picture of a `Screen`: a pure function, so that it can be tested and printed.

Everything important stands at the same place in every phase; what may no longer be true is grey. Nothing
is told by colour alone. Readable from 24 rows and 80 columns on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backstride.cli import palette
from backstride.cli.chart import Area, Chart, Line
from backstride.cli.sight import MESSAGE_LASTS, TRAIL, Screen, Sight
from backstride.domain.notices import CueKind
from backstride.domain.session import ACTIVE, Phase
from backstride.domain.units import KMH, SECOND, Ms, show_duration
from backstride.domain.workout import Facing
from backstride.mqtt.schema import State

_COLOUR: Final[dict[Phase, str]] = {
    Phase.OFFLINE: "bright_black",
    Phase.IDLE: "blue",
    Phase.ARMED: "cyan",
    Phase.COUNTDOWN: "cyan",
    Phase.STARTING: "cyan",
    Phase.RUNNING: "green",
    Phase.TURNING: "cyan",
    Phase.HOLDING: "yellow",
    Phase.SLOWING: "yellow",
    Phase.STOPPING: "yellow",
    Phase.FINISHED: "blue",
    Phase.HANDED_OVER: "red",
    Phase.FAULTED: "red",
}
_DIGITS: Final[dict[str, tuple[str, str, str]]] = {
    "0": ("┏━┓", "┃ ┃", "┗━┛"), "1": (" ╻ ", " ┃ ", " ╹ "), "2": ("╺━┓", "┏━┛", "┗━╸"),
    "3": ("╺━┓", "╺━┫", "╺━┛"), "4": ("╻ ╻", "┗━┫", "  ╹"), "5": ("┏━╸", "┗━┓", "╺━┛"),
    "6": ("┏━╸", "┣━┓", "┗━┛"), "7": ("╺━┓", "  ┃", "  ╹"), "8": ("┏━┓", "┣━┫", "┗━┛"),
    "9": ("┏━┓", "┗━┫", "╺━┛"), ".": (" ", " ", "▪"), "—": ("   ", "╺━╸", "   "),
}  # fmt: skip
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
            _COLOUR[sight.phase]
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
    return _COLOUR[sight.phase]


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
    rows.append(_phase(state, stale=stale))
    rows.append(
        Text(state.sentence or " ", style="dim" if stale else "", overflow="ellipsis", no_wrap=True)
    )
    rows += [Text(), _speeds(state, stale=stale), Text()]
    if state.phase in ACTIVE or state.script is not None:
        rows.append(_chart(sight, now, chart_rows))
        rows += [_progress(state), _next(state, sight.age(now) or 0, stale=stale)]
    else:
        rows.append(_programs(sight, chart_rows + 4))
    rows += [_cue(sight, now), _alarm(state), _message(screen)]
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


def _phase(state: State, *, stale: bool) -> RenderableType:
    colour = "bright_black" if stale else _COLOUR[state.phase]
    left = Text.assemble((f" {state.phase.replace('_', ' ').upper()} ", f"bold reverse {colour}"))
    if state.program_name:
        left.append(f"  {state.program_name}", "bold")
    right = Text()
    if state.step is not None:
        step = state.step
        right.append(f"step {step.index} of {step.count}: {step.effort}  ")
        arrow = palette.ARROW[step.facing]
        right.append(
            f"{arrow} facing {step.facing}",
            "dim" if stale else f"bold {palette.FACING[step.facing]}",
        )
    return _sides(left, right)


def _sides(left: Text, right: Text) -> Table:
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    table.add_row(left, right)
    return table


def _big(number: str) -> tuple[str, str, str]:
    rows = ["", "", ""]
    for sign in number:
        for i, part in enumerate(_DIGITS[sign]):
            rows[i] += f"{part} "
    return rows[0], rows[1], rows[2]


def _speeds(state: State, *, stale: bool) -> RenderableType:
    speed, incline = state.speed, state.incline
    number = "—.—" if speed.measured is None else f"{speed.measured:.1f}"
    digits = _big(number.rjust(4).lstrip())
    style = "bright_black" if stale else "bold"
    facts = (
        (
            ("setpoint", speed.setpoint, " km/h"),
            ("told", speed.target, " km/h"),
            ("cap", speed.cap, " km/h"),
        ),
        (
            ("incline", incline.measured, " %"),
            ("told", incline.target, ""),
            ("cap", incline.cap, ""),
        ),
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=17)
    for _ in range(3):
        table.add_column(no_wrap=True, min_width=17)
    for big, row in zip(digits, facts, strict=False):
        table.add_row(Text(big, style=style), *[_fact(fact, stale=stale) for fact in row])
    last = Text.assemble((digits[-1], style), (" km/h", "dim"))
    wide = Table.grid(padding=(0, 2))
    wide.add_column(no_wrap=True, min_width=17)
    wide.add_row(last, Text(_totals(state), style="bright_black" if stale else ""))
    return Group(table, wide)


def _fact(fact: tuple[str, float | None, str], *, stale: bool) -> Text:
    name, value, unit = fact
    number = "—" if value is None else f"{value:.1f}{unit}"
    return Text.assemble((f"{name:<9}", "dim"), (number, "bright_black" if stale else ""))


def _totals(state: State) -> str:
    parts = []
    if state.elapsed is not None:
        parts.append(f"walked {show_duration(int(state.elapsed * SECOND))}")
    if state.distance is not None:
        parts.append(f"{state.distance} m")
    if state.energy is not None:
        parts.append(f"{state.energy:.0f} kcal")
    if state.heart_rate is not None:
        parts.append(f"♥ {state.heart_rate}")
    return " · ".join(parts)


def _chart(sight: Sight, now: Ms, rows: int) -> Chart:
    """The last minutes: the setpoint filled, the measured speed as a line over it."""
    trail = sight.trail
    start = max(now, trail[-1].at if trail else 0) - TRAIL
    areas = tuple(
        Area(a.at - start, b.at - start, a.setpoint, a.setpoint, f"dim {palette.FACING[a.facing]}")
        for a, b in pairwise(trail)
        if a.setpoint is not None
    )
    points = tuple((p.at - start, p.measured) for p in trail if p.at >= start)
    top = max([a.high for a in areas] + [v for _, v in points if v is not None] + [KMH])
    line = Line(points, "bright_black" if sight.is_stale(now) else "bold")
    return Chart(start=0, end=TRAIL, top=top, areas=areas, lines=(line,), height=rows, ago=True)


def _progress(state: State) -> RenderableType:
    if state.script is None:
        return Text()
    done, left = state.script.elapsed, state.script.remaining
    bar = ProgressBar(
        total=max(done + left, 1), completed=done, complete_style="green", finished_style="green"
    )
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(no_wrap=True)
    table.add_row(
        Text(show_duration(int(done * SECOND)), style="bold"),
        bar,
        Text(f"{show_duration(int(left * SECOND))} left"),
    )
    return table


def _next(state: State, age: Ms, *, stale: bool) -> Text:
    if state.next is None:
        last = "this is the last step" if state.step is not None else ""
        return Text(last, style="dim")
    running = state.phase is Phase.RUNNING and not stale
    left = max(int(state.next.in_s * SECOND) - (age if running else 0), 0)
    text = Text.assemble(
        ("next in ", "dim"), (show_duration(left), "bold" if running else "dim"), ("  "),
        no_wrap=True, overflow="ellipsis",
    )  # fmt: skip
    if state.step is not None and state.next.facing not in {None, state.step.facing}:
        facing = state.next.facing or Facing.FORWARD
        text.append(f"↻ turn to {facing}, then ", f"bold {palette.FACING[facing]}")
    if state.next.speed is not None:
        text.append(f"{state.next.speed:.1f} km/h")
    if state.next.cue:
        text.append(f"  {state.next.cue}", "italic dim")
    return text


def _programs(sight: Sight, rows: int) -> RenderableType:
    """What can be started, where nothing runs: the selected one marked."""
    if sight.programs is None:
        return Text()
    table = Table.grid(padding=(0, 2), expand=True)
    for justify in ("left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for program in sight.programs.programs[: max(rows - 1, 1)]:
        chosen = program.id == sight.programs.selected
        style = "bold" if chosen else ("" if program.refusal is None else "bright_black")
        table.add_row(
            Text(f"{'▶' if chosen else ' '} {program.name}", style=style),
            Text(show_duration(int(program.duration * SECOND)), style=style),
            Text("" if program.top_speed is None else f"{program.top_speed:.1f} km/h", style=style),
            Text(
                program.refusal or program.goal,
                style="italic" if program.refusal is None else "bright_black",
            ),
        )
    return table


def _cue(sight: Sight, now: Ms) -> Text:
    heard = sight.cue
    text = (
        heard.text if heard else (sight.state.cue.text if sight.state and sight.state.cue else "")
    )
    fresh = heard is not None and now - heard.at < MESSAGE_LASTS
    return Text(
        f"♪ {text}" if text else "",
        style="bold" if fresh else "dim",
        no_wrap=True,
        overflow="ellipsis",
    )


def _alarm(state: State) -> Text:
    if state.alarm is None:
        return Text()
    tail = "; press k when you have seen it" if state.alarm.latched else ""
    return Text(
        f"✗ {state.alarm.sentence}{tail}", style="bold red", no_wrap=True, overflow="ellipsis"
    )


def _message(screen: Screen) -> Text:
    message = screen.message
    if message is None or screen.now - message.at > MESSAGE_LASTS:
        return Text()
    return Text(
        f"{'✓' if message.good else '✗'} {message.text}",
        style="green" if message.good else "yellow",
        no_wrap=True,
        overflow="ellipsis",
    )
