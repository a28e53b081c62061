"""`backstride plan`: the eight weeks of one walker, what is next, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import ConfigOption, JsonOption, MachineOption

if TYPE_CHECKING:
    from backstride.cli.training_view import Course
    from backstride.service.walkers import Book, Trainee


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("plan", rich_help_panel="Training")(show_course)


def show_course(
    walker: Annotated[
        str | None, typer.Option("--walker", "-w", metavar="ID", help="Whose; needed for several.")
    ] = None,
    machine: MachineOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Draw it as an .svg or .png."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the plan: eight weeks as a table and a chart, the next session, and why it is that one."""
    from backstride.cli.figure import check_output
    from backstride.cli.terminal import make_console, print_json, tell
    from backstride.cli.training_figure import draw_course
    from backstride.cli.training_view import show
    from backstride.cli.walkers import read_people

    if output is not None:
        check_output(output)
    course = _course(_choose(read_people(config), walker), machine, config)
    if output is not None:
        draw_course(course, output)
    if as_json:
        print_json(course_data(course))
    elif output is None:
        make_console().print(show(course))
    else:
        tell(f"written to {output}")


def _choose(book: Book, walker: str | None) -> Trainee:
    """Whose plan: the one that is named, the only one, or that of somebody new where nobody is known.

    Raises:
        CommandFailedError: several, and none named (exit code 2).
    """
    from backstride.cli.walkers import find_trainee
    from backstride.domain.walker import Walker
    from backstride.service.walkers import Trainee

    if walker is not None:
        return find_trainee(book, walker)
    if not book:
        return Trainee(Walker(id="", name="Somebody new"))
    if len(book) > 1:
        raise CommandFailedError(
            f"whose plan? name one with --walker: {', '.join(book)}", Exit.USAGE
        )
    return next(iter(book.values()))


def _course(trainee: Trainee, machine: str | None, config: Path | None) -> Course:
    from backstride.cli.lookup import describe_machine, get_config, get_model
    from backstride.cli.training_view import Course
    from backstride.domain.lesson import Setting, make_lesson
    from backstride.service.walkers import local_now

    now = local_now()
    place = trainee.place(now)
    lesson = None
    if machine is not None:
        setting = Setting(
            machine=describe_machine(get_model(machine)), site=get_config(config).site.rules
        )
        lesson = make_lesson(place, trainee.prepared(now), setting)
    return Course(trainee=trainee, place=place, now=now, lesson=lesson)


def course_data(course: Course) -> dict[str, Any]:
    """The plan for scripts: km/h, minutes and %."""
    from backstride.domain.ladder import LADDER
    from backstride.domain.progression import explain, jog_misses
    from backstride.domain.readiness import explain as explain_readiness
    from backstride.service.training import date_of, wait

    trainee, place, now, lesson = course.trainee, course.place, course.now, course.lesson
    return {
        "walker": trainee.walker.id or None,
        "week": place.rung.week,
        "session": place.rung.session,
        "program": place.rung.program,
        "decision": place.decision,
        "reason": explain(place),
        "readiness": explain_readiness(trainee.walker.readiness, now.at, trainee.walked),
        "due": date_of(max(place.due, now.day)),
        "wait": wait(place, now),
        "goal": lesson.program.goal if lesson and lesson.program else None,
        "refusal": lesson.refusal if lesson else None,
        "notes": lesson.notes if lesson else (),
        "jog_needs": jog_misses(place),
        "sessions": [
            {
                "program": rung.program,
                "state": course.state(index),
                "speed": rung.speed / 100,
                "work": rung.pattern.work / 1_000,
                "rest": rung.pattern.rest / 1_000,
                "repeats": rung.pattern.repeats,
                "minutes": rung.pattern.work * rung.pattern.repeats / 60_000,
                "incline": rung.incline / 10,
                "raises": rung.raises,
            }
            for index, rung in enumerate(LADDER[: course.length])
        ],
    }
