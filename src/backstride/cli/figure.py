"""A plan or a session as a picture: SVG or PNG, for a page, a wall or a report.

matplotlib is an extra (`backstride[plot]`) and slow to import, so only `draw` touches it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from backstride.cli import palette
from backstride.cli.exits import CommandFailedError, Exit
from backstride.domain.units import KMH, MINUTE, PERCENT, Incline, Ms, Speed
from backstride.domain.workout import Facing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES: Final = (".svg", ".png")
_INCHES: Final = (9.6, 4.6)
_DPI: Final = 150
_STYLE: Final[Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": palette.GRID,
    "axes.labelcolor": palette.INK,
    "text.color": palette.INK,
    "xtick.color": palette.INK,
    "ytick.color": palette.INK,
    # Two runs must give the same file, for a repository to keep it.
    "svg.hashsalt": "backstride",
    "svg.fonttype": "path",
}
_WIDEST_LABELLED: Final = 24
"""More stretches than this are not labelled one by one."""


class Stretch(Struct, frozen=True, kw_only=True):
    """A piece of the plan: from a speed to a speed, on a slope, facing somewhere."""

    start: Ms
    end: Ms
    speed: Speed
    ramp_to: Speed
    incline: Incline
    facing: Facing


class Panel(Struct, frozen=True):
    """A curve below the speeds: points (ms, in the unit of the label), None where nothing is known."""

    label: str
    colour: str
    points: tuple[tuple[Ms, float | None], ...]


class Picture(Struct, frozen=True, kw_only=True):
    """What to draw. `belt` are points (ms, 0.01 km/h) of a belt that really moved."""

    title: str
    subtitle: str
    stretches: tuple[Stretch, ...]
    turns: tuple[Ms, ...]
    cap: Speed | None = None
    cap_reason: str = ""
    belt: tuple[tuple[Ms, Speed], ...] = ()
    belt_label: str = "belt"
    panels: tuple[Panel, ...] = ()


def check_output(path: Path) -> None:
    """Refuse a picture that could not be written, before any work is done.

    Raises:
        CommandFailedError: neither SVG nor PNG.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise CommandFailedError(f"{path} is neither .svg nor .png; name one of them", Exit.USAGE)


def draw(picture: Picture, path: Path) -> None:
    """Write a picture.

    Raises:
        CommandFailedError: no matplotlib, or the file cannot be written.
    """
    check_output(path)
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure as NewFigure
    except ImportError as error:
        raise CommandFailedError(
            "pictures need matplotlib; install backstride[plot]", Exit.USAGE
        ) from error
    with mpl.rc_context(_STYLE):
        figure = NewFigure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        sloped = any(stretch.incline for stretch in picture.stretches)
        ratios = [5.0, *[1.15] * (sloped + len(picture.panels))]
        grid = figure.add_gridspec(
            len(ratios), 1, height_ratios=ratios, hspace=0.12,
            left=0.07, right=0.975, top=0.84, bottom=0.13,
        )  # fmt: skip
        axes = figure.add_subplot(grid[0])
        _draw_speed(axes, picture)
        last = axes
        if sloped:
            last = figure.add_subplot(grid[1], sharex=axes)
            _draw_incline(last, picture)
            axes.tick_params(labelbottom=False)
        for row, panel in enumerate(picture.panels, 1 + sloped):
            last.tick_params(labelbottom=False)
            last = figure.add_subplot(grid[row], sharex=axes)
            _draw_panel(last, panel)
        last.set_xlabel("minutes", loc="left")
        _legend(figure, picture)
        figure.text(0.07, 0.945, picture.title, fontsize=14, fontweight="bold", va="center")
        figure.text(0.07, 0.885, picture.subtitle, fontsize=9.5, va="center", alpha=0.75)
        _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    metadata = {"Date": None} if path.suffix.lower() == ".svg" else {}
    try:
        figure.savefig(path, metadata=metadata)
    except OSError as error:
        raise CommandFailedError(f"{path} cannot be written: {error.strerror}") from error


def _draw_speed(axes: Axes, picture: Picture) -> None:
    end = max([s.end for s in picture.stretches] + [at for at, _ in picture.belt])
    fastest = max(max(s.speed, s.ramp_to) for s in picture.stretches)
    fastest = max([fastest, *(speed for _, speed in picture.belt)])
    shown_cap = picture.cap if picture.cap is not None and picture.cap <= 2 * fastest else None
    ceiling = max(fastest * 1.22, (shown_cap or 0) * 1.08, KMH)
    _shade_facing(axes, picture)
    for run in _runs(picture.stretches):
        colour = palette.FACING[run[0].facing]
        x = [at / MINUTE for stretch in run for at in (stretch.start, stretch.end)]
        y = [speed / KMH for stretch in run for speed in (stretch.speed, stretch.ramp_to)]
        axes.fill_between(x, y, color=colour, alpha=0.38 if picture.belt else 0.6, linewidth=0)
        axes.plot(x, y, color=colour, linewidth=1.8, solid_joinstyle="miter")
    for turn in picture.turns:
        axes.axvline(turn / MINUTE, color=palette.INK, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.annotate(
            "turn", (turn / MINUTE, 0.985), xycoords=("data", "axes fraction"), ha="center", va="top",
            fontsize=8, bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": palette.INK, "lw": 0.7},
        )  # fmt: skip
    if picture.belt:
        axes.plot(
            [at / MINUTE for at, _ in picture.belt], [v / KMH for _, v in picture.belt],
            color=palette.BELT, linewidth=1.3, label=picture.belt_label,
        )  # fmt: skip
    if shown_cap is not None:
        axes.axhline(shown_cap / KMH, color=palette.ALARM, linewidth=0.9, linestyle=(0, (1, 1.5)))
        axes.annotate(
            f"cap {shown_cap / KMH:g} km/h ({picture.cap_reason})", (end / MINUTE, shown_cap / KMH),
            ha="right", va="bottom", fontsize=8, color=palette.ALARM,
            xytext=(-3, 3), textcoords="offset points",
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )  # fmt: skip
    axes.set_xlim(0, end / MINUTE)
    axes.set_ylim(0, ceiling / KMH)
    axes.set_ylabel("km/h")
    _plain(axes)


def _runs(stretches: tuple[Stretch, ...]) -> list[list[Stretch]]:
    """Neighbours with one facing together: drawn as one shape they show no seams."""
    runs: list[list[Stretch]] = []
    for stretch in stretches:
        last = runs[-1][-1] if runs else None
        if last is not None and last.end == stretch.start and last.facing is stretch.facing:
            runs[-1].append(stretch)
        else:
            runs.append([stretch])
    return runs


def _shade_facing(axes: Axes, picture: Picture) -> None:
    """A faint band behind the whole time that the walker faces the rear."""
    for run in _runs(picture.stretches):
        if run[0].facing is Facing.BACKWARD:
            axes.axvspan(
                run[0].start / MINUTE,
                run[-1].end / MINUTE,
                color=palette.BACKWARD,
                alpha=0.07,
                linewidth=0,
                zorder=0,
            )


def _draw_incline(axes: Axes, picture: Picture) -> None:
    steepest = max(s.incline for s in picture.stretches)
    x = [at / MINUTE for s in picture.stretches for at in (s.start, s.end)]
    y = [s.incline / PERCENT for s in picture.stretches for _ in range(2)]
    axes.fill_between(x, y, color=palette.INCLINE, alpha=0.55, linewidth=0)
    axes.plot(x, y, color=palette.INCLINE, linewidth=1.6, solid_joinstyle="miter")
    axes.set_ylim(0, steepest / PERCENT * 1.35)
    axes.set_ylabel("incline %")
    _plain(axes)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    gap = float("nan")
    x = [at / MINUTE for at, _ in panel.points]
    axes.plot(
        x, [gap if y is None else y for _, y in panel.points], color=panel.colour, linewidth=1.4
    )
    axes.set_ylabel(panel.label)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.grid(axis="y", color=palette.GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _legend(figure: Figure, picture: Picture) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    facings = {s.facing for s in picture.stretches}
    handles: list[Any] = [
        Patch(facecolor=palette.FACING[facing], alpha=0.6, label=f"facing {facing}")
        for facing in Facing
        if facing in facings
    ]
    if picture.belt:
        handles.append(Line2D([], [], color=palette.BELT, linewidth=1.3, label=picture.belt_label))
    figure.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(0.975, 0.012), ncols=len(handles),
        frameon=False, borderaxespad=0, handlelength=1.4, columnspacing=1.4,
    )  # fmt: skip
