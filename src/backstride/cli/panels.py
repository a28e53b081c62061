"""The rows of the live view, each made from what is known of one treadmill. Pure.

What may no longer be true is grey; a value that is not known is a dash and never a zero.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backstride.cli import palette
from backstride.cli.chart import Area, Chart, Line
from backstride.cli.sight import MESSAGE_LASTS, TRAIL, Screen, Sight
from backstride.domain.session import Phase
from backstride.domain.units import KMH, SECOND, Ms, show_duration
from backstride.domain.workout import Facing
from backstride.mqtt.schema import State

COLOUR: Final[dict[Phase, str]] = {
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
"""Of the phase, on the border and behind its name."""
_DIGITS: Final[dict[str, tuple[str, str, str]]] = {
    "0": ("┏━┓", "┃ ┃", "┗━┛"), "1": (" ╻ ", " ┃ ", " ╹ "), "2": ("╺━┓", "┏━┛", "┗━╸"),
    "3": ("╺━┓", "╺━┫", "╺━┛"), "4": ("╻ ╻", "┗━┫", "  ╹"), "5": ("┏━╸", "┗━┓", "╺━┛"),
    "6": ("┏━╸", "┣━┓", "┗━┛"), "7": ("╺━┓", "  ┃", "  ╹"), "8": ("┏━┓", "┣━┫", "┗━┛"),
    "9": ("┏━┓", "┗━┫", "╺━┛"), ".": (" ", " ", "▪"), "—": ("   ", "╺━╸", "   "),
}  # fmt: skip


def phase_row(state: State, *, stale: bool) -> RenderableType:
    """The phase, the program and the step."""
    colour = "bright_black" if stale else COLOUR[state.phase]
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


def speed_rows(state: State, *, stale: bool) -> RenderableType:
    """The measured speed in large digits, and what was wanted and told beside it."""
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
            ("told", incline.target, " %"),
            ("cap", incline.cap, " %"),
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
    parts += _body(state)
    return " · ".join(parts)


def _body(state: State) -> list[str]:
    """What it costs, never without the range of the estimate, and the heart against its ceiling."""
    parts = []
    if state.cost is not None:
        cost = state.cost
        parts.append(f"about {cost.kcal:.0f} kcal ({cost.low:.0f} to {cost.high:.0f})")
    elif state.energy is not None:
        parts.append(f"{state.energy:.0f} kcal, says the treadmill")
    heart = state.heart
    if heart is not None and heart.ceiling is not None:
        parts.append(f"♥ {'—' if heart.rate is None else heart.rate} of at most {heart.ceiling}")
    elif state.heart_rate is not None:
        parts.append(f"♥ {state.heart_rate}")
    return parts


def trail_chart(sight: Sight, now: Ms, rows: int) -> Chart:
    """The last minutes: the setpoint filled, the measured speed as a line over it."""
    trail = sight.trail
    start = max(now, trail[-1].at if trail else 0) - TRAIL
    areas = tuple(
        Area(a.at - start, b.at - start, a.setpoint, a.setpoint, palette.SHADE[a.facing])
        for a, b in pairwise(trail)
        if a.setpoint is not None
    )
    points = tuple((p.at - start, p.measured) for p in trail if p.at >= start)
    top = max([a.high for a in areas] + [v for _, v in points if v is not None] + [KMH])
    line = Line(points, "bright_black" if sight.is_stale(now) else "bold")
    return Chart(start=0, end=TRAIL, top=top, areas=areas, lines=(line,), height=rows, ago=True)


def progress_row(state: State) -> RenderableType:
    """How much of the program is done and left."""
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


def next_row(state: State, age: Ms, *, stale: bool) -> Text:
    """What comes next and when; it counts down between two messages."""
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


def program_rows(sight: Sight, rows: int) -> RenderableType:
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


def cue_row(sight: Sight, now: Ms) -> Text:
    """The newest cue."""
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


def alarm_row(state: State) -> Text:
    """What is wrong."""
    if state.alarm is None:
        return Text()
    tail = "; press k when you have seen it" if state.alarm.latched else ""
    return Text(
        f"✗ {state.alarm.sentence}{tail}", style="bold red", no_wrap=True, overflow="ellipsis"
    )


def message_row(screen: Screen) -> Text:
    """What came of the last command that was sent from here."""
    message = screen.message
    if message is None or screen.now - message.at > MESSAGE_LASTS:
        return Text()
    return Text(
        f"{'✓' if message.good else '✗'} {message.text}",
        style="green" if message.good else "yellow",
        no_wrap=True,
        overflow="ellipsis",
    )
