"""The chart in characters: every cell is where its quantity says."""

import io

import pytest
from rich.console import Console

from backstride.cli.chart import Area, Chart, Line, Mark


def draw(chart: Chart, width: int = 47) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(chart)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_areas_fill_by_eighths_and_the_axis_counts_from_zero():
    chart = Chart(
        start=0, end=40_000, top=200, height=4,
        areas=(Area(0, 20_000, 100, 100, "blue"), Area(20_000, 40_000, 125, 125, "red")),
        marks=(Mark(20_000, "↻", "bold"),),
    )  # fmt: skip
    assert draw(chart) == [
        "  2.0 ┤",
        "      │                    ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄",
        "  1.0 ┤████████████████████████████████████████",
        "  0.0 ┤████████████████████████████████████████",
        " km/h └┬─────────┬─────────↻─────────┬────────┬",
        "       0:00      0:10      0:20      0:30  0:40",
    ]


def test_a_line_goes_over_the_area():
    chart = Chart(
        start=0, end=10, top=100, height=1, areas=(Area(0, 10, 100, 100, "blue"),),
        lines=(Line(((0, 100), (10, 100)), "bold"),),
    )  # fmt: skip
    assert set(draw(chart)[0][7:]) == {"⠉"}


def test_an_unknown_value_interrupts_the_line():
    points = ((0, 50), (4, 50), (5, None), (6, 50), (10, 50))
    chart = Chart(start=0, end=10, top=100, height=2, lines=(Line(points, "bold"),))
    drawn = draw(chart)[0][7:] + draw(chart)[1][7:]
    assert " " in drawn.strip()


@pytest.mark.parametrize("width", [10, 20, 33, 80, 300])
def test_no_row_is_wider_than_the_room(width):
    chart = Chart(
        start=0, end=3_600_000, top=0, areas=(Area(0, 3_600_000, 0, 0, "blue"),),
        lines=(Line(((0, 0), (3_600_000, 10_000)), "bold"),), height=3,
    )  # fmt: skip
    assert max(len(line) for line in draw(chart, width)) <= max(width, 17)


def test_an_axis_of_the_past_ends_now():
    axis = draw(Chart(start=0, end=180_000, top=100, height=1, ago=True), 70)[-1]
    assert (axis.split()[0], axis.split()[-1]) == ("-3:00", "now")
