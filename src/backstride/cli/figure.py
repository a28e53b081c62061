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

SUFFIXES: Final = (".svg", ".png")
_INCHES: Final = (9.6, 4.6)
_DPI: Final = 150
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
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CommandFailedError(
            "pictures need matplotlib; install backstride[plot]", Exit.USAGE
        ) from error
    style: Any = {
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
    with mpl.rc_context(style):
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        sloped = any(stretch.incline for stretch in picture.stretches)
        ratios = [5.0, 1.15] if sloped else [1.0]
        grid = figure.add_gridspec(
            len(ratios), 1, height_ratios=ratios, hspace=0.12,
            left=0.07, right=0.975, top=0.82, bottom=0.115,
        )  # fmt: skip
        axes = figure.add_subplot(grid[0])
        _draw_speed(axes, picture)
        last = axes
        if sloped:
            last = figure.add_subplot(grid[1], sharex=axes)
            _draw_incline(last, picture)
            axes.tick_params(labelbottom=False)
        last.set_xlabel("minutes")
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
    _shade_facing(axes, picture, ceiling / KMH)
    for stretch in picture.stretches:
        colour = palette.FACING[stretch.facing]
        x = [stretch.start / MINUTE, stretch.end / MINUTE]
        y = [stretch.speed / KMH, stretch.ramp_to / KMH]
        axes.fill_between(x, y, color=colour, alpha=0.38 if picture.belt else 0.6, linewidth=0)
        axes.plot(x, y, color=colour, linewidth=1.8, solid_capstyle="butt")
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
            xytext=(-3, 2), textcoords="offset points",
        )  # fmt: skip
    axes.set_xlim(0, end / MINUTE)
    axes.set_ylim(0, ceiling / KMH)
    axes.set_ylabel("km/h")
    _plain(axes)
    _legend(axes, picture)


def _shade_facing(axes: Axes, picture: Picture, ceiling: float) -> None:
    """A faint band behind the whole time that the walker faces the rear."""
    for stretch in picture.stretches:
        if stretch.facing is Facing.BACKWARD:
            axes.fill_between(
                [stretch.start / MINUTE, stretch.end / MINUTE], ceiling,
                color=palette.BACKWARD, alpha=0.07, linewidth=0, zorder=0,
            )  # fmt: skip


def _draw_incline(axes: Axes, picture: Picture) -> None:
    steepest = max(s.incline for s in picture.stretches)
    for stretch in picture.stretches:
        x = [stretch.start / MINUTE, stretch.end / MINUTE]
        y = stretch.incline / PERCENT
        axes.fill_between(x, [y, y], color=palette.INCLINE, alpha=0.55, linewidth=0)
        axes.plot(x, [y, y], color=palette.INCLINE, linewidth=1.6, solid_capstyle="butt")
    axes.set_ylim(0, steepest / PERCENT * 1.35)
    axes.set_ylabel("incline %")
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.grid(axis="y", color=palette.GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _legend(axes: Axes, picture: Picture) -> None:
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
    axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.02), ncols=len(handles),
        frameon=False, borderaxespad=0, handlelength=1.4, columnspacing=1.4,
    )  # fmt: skip
