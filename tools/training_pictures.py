"""Pictures of a household's training: its plan, its history and a fleet, from the commands a person types.

Ben really walks a hill here, on the demo's treadmill. Anna's four weeks are written into the same history:
of each session the head that her plan for that day leads to.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from backstride.cli.demo import _stage
from backstride.cli.demo_robot import Robot
from backstride.cli.demo_stage import TREADMILL
from backstride.cli.lookup import describe_machine, get_model
from backstride.domain.energy import estimate
from backstride.domain.events import Ask
from backstride.domain.lesson import Setting, make_lesson
from backstride.domain.progression import find_place
from backstride.domain.readiness import DAY, Readiness
from backstride.domain.record import Head
from backstride.domain.session import Phase
from backstride.domain.units import KMH, MINUTE, SECOND
from backstride.domain.walker import Walker
from backstride.domain.workout import Effort, Level, Workout, flatten
from backstride.history.database import FILE
from backstride.history.store import Store
from backstride.mqtt.broker import make_demo_broker
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.mqtt.schema import State
from backstride.service.walkers import Trainee, local_now

MACHINE: Final = "ideal"
PROGRAM: Final = "hill"
FACTOR: Final = 25.0
COLUMNS: Final = 100
"""Of the terminal in a picture."""
WALKED: Final = (
    (25, 11, 1), (23, 10, 0), (21, 11, 0), (18, 12, 1), (16, 14, 1), (14, 12, 0),
    (11, 12, 0), (9, 11, 0), (7, 12, 1), (4, 12, 0), (2, 13, 1),
)  # fmt: skip
"""When Anna walked, in days before today, and the effort and pain she told; 14 is too hard to go on."""
EVENING: Final = (18 * 60 + 5) * MINUTE
BAYS: Final = {"bay-1": "ideal", "bay-2": "k12", "bay-3": "ideal", "bay-4": "kingsmith"}
HEAD_START_S: Final = 45.0
"""So long the fleet walks before it is looked at."""


def remove_fonts(svg: str) -> str:
    """Rich names a font on a server; a page must not ask anybody for anything."""
    return re.sub(r"@font-face\s*{[^}]*}", "", svg)


def photograph(target: Path, *words: str, columns: int = COLUMNS) -> None:
    """Type a command of backstride into a terminal, and keep what it shows as SVG."""
    environment = {
        **os.environ, "COLUMNS": str(columns), "FORCE_COLOR": "1", "COLORTERM": "truecolor",
        "TERM": "xterm-256color",
    }  # fmt: skip
    config = words.index("--config")
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "backstride.cli", *words],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    console = Console(
        file=io.StringIO(),
        record=True,
        width=columns,
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(Text.from_ansi(done.stdout.rstrip()))
    title = " ".join(("backstride", *words[:config]))
    target.write_text(
        remove_fonts(console.export_svg(title=title, unique_id=target.stem)), encoding="utf-8"
    )


# -- the household -----------------------------------------------------------------------------------


async def walk_hill(directory: Path) -> None:
    """Let Ben walk, on the demo's treadmill, with its strap."""
    options = argparse.Namespace(machine=MACHINE, factor=FACTOR, output=directory / "unused.svg")
    (directory / "state").mkdir()
    with Store(directory / "state" / FILE) as store:
        store.save_walker(Walker(id="ben", name="Ben", level=Level.REGULAR, readiness=_answered()))
    async with make_demo_broker(directory) as broker:
        settings = RemoteSettings(host="127.0.0.1", port=broker.port)
        async with _stage(options, broker.port, directory, directory / "daemon.log") as stage:
            async with Remote(settings, TREADMILL) as remote:
                await _until_idle(remote)
                answer = await remote.send(TREADMILL, Ask.WALKER, walker="ben")
                if answer.reply != "ok":
                    raise RuntimeError(answer.sentence)
            if not await Robot(settings, PROGRAM, FACTOR, lines=False).walk():
                raise RuntimeError("the session came to no end")
            stage.terminate()
            await stage.wait()


async def _until_idle(remote: Remote) -> None:
    async for news in remote.news():
        if news.topic == "state":
            state = msgspec.json.decode(news.payload, type=State)
            if state.phase is Phase.IDLE and state.speed.measured is not None:
                return


def _answered() -> Readiness:
    return Readiness(answered=local_now().at - 26 * DAY)


def write_household(file: Path) -> None:
    """Write Anna's weeks, and what Ben said of his walk."""
    now = local_now()
    midnight = now.day * DAY - now.offset * MINUTE
    anna = Walker(id="anna", name="Anna", weight=64_000, readiness=_answered())
    setting = Setting(machine=describe_machine(get_model(MACHINE)))
    heads: tuple[Head, ...] = ()
    with Store(file) as store:
        (ben,) = store.heads(walker="ben")
        store.rate(ben.id, effort=12, pain=0)
        store.save_walker(anna)
        for days, effort, pain in WALKED:
            then = replace(now, at=midnight - days * DAY + EVENING)
            trainee = Trainee(anna, heads)
            place = find_place(heads, None, then)
            lesson = make_lesson(place, trainee.prepared(then), setting)
            if lesson.program is None:
                raise RuntimeError(lesson.refusal)
            workout = flatten(lesson.program, setting.machine.speed.minimum)
            head = Head(
                id=f"anna-{days:02}", treadmill=TREADMILL, walker=anna.id,
                program=lesson.program.id, program_name=lesson.program.name,
                level=lesson.program.level, started=then.at, offset=then.offset,
                length=workout.duration, outcome="completed", completed=True,
                walked=workout.duration, backward=workout.backward_time, distance=_metres(workout),
                top_speed=workout.top_speed, top_incline=workout.top_incline,
                work_speed=max(s.speed for s in workout.segments if s.effort is Effort.WORK),
                energy=estimate(workout, anna.weight or 0, len(heads)).value,
                effort=effort, pain=pain,
            )  # fmt: skip
            store.write(head)
            heads = (*heads, head)


def _metres(workout: Workout) -> int:
    """Of a workout walked to the letter."""
    return sum((s.end - s.start) * (s.speed + s.ramp_to) for s in workout.segments) // (
        2 * KMH * 3_600 * SECOND // 1_000
    )


def take_training(target: Path) -> None:
    """Plan and history, drawn and as a terminal shows them."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        asyncio.run(walk_hill(directory))
        write_household(directory / "state" / FILE)
        config = directory / "backstride.toml"
        config.write_text(f'[service]\nstate_directory = "{directory}/state"\n', encoding="utf-8")
        with_config = ("--config", str(config))
        for words, file in (
            (("plan", "--walker", "anna"), "plan.svg"),
            (("history", "plot", "1"), "history.svg"),
        ):
            subprocess.run(  # noqa: S603  our own command
                [sys.executable, "-m", "backstride.cli", *words, "-o", target / file, *with_config],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        photograph(target / "terminal-plan.svg", "plan", "--walker", "anna", *with_config)
        photograph(target / "terminal-history.svg", "history", *with_config)
        photograph(target / "terminal-session.svg", "history", "show", "1", *with_config)


# -- the fleet ---------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _run_gym(config: Path) -> AsyncIterator[None]:
    """A daemon with all treadmills of a configuration, as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backstride.cli", "run", "--config", str(config),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _walk_gym(target: Path, directory: Path) -> None:
    async with make_demo_broker(directory) as broker:
        config = directory / "backstride.toml"
        mills = "".join(
            f'[[treadmill]]\nid = "{bay}"\nvirtual = "{model}"\nbelt_start = "remote"\n'
            for bay, model in BAYS.items()
        )
        config.write_text(
            f'[broker]\nport = {broker.port}\n[service]\nstate_directory = "{directory}/state"\n'
            f'host_name = "pi-1"\n{mills}',
            encoding="utf-8",
        )
        settings = RemoteSettings(host="127.0.0.1", port=broker.port)
        async with _run_gym(config), Remote(settings) as remote:
            waiting = set(BAYS)
            async for news in remote.news():
                if news.topic == "state":
                    state = msgspec.json.decode(news.payload, type=State)
                    if state.phase is Phase.IDLE and state.speed.measured is not None:
                        waiting.discard(news.treadmill)
                if not waiting:
                    break
            for bay, program in (("bay-1", "easy-intervals"), ("bay-2", "first-steps")):
                await remote.send(bay, Ask.START, program)
                await remote.send(bay, Ask.CONFIRM)
            await asyncio.sleep(HEAD_START_S)
            await remote.send("bay-3", Ask.START, "demo")
            await asyncio.to_thread(
                photograph, target / "terminal-fleet.svg", "fleet", "--config", str(config), columns=120
            )  # fmt: skip


def take_fleet(target: Path) -> None:
    """`fleet`: four treadmills of one host, two of them in a session."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_walk_gym(target, Path(name)))


if __name__ == "__main__":
    take_training(Path(sys.argv[1]))
    take_fleet(Path(sys.argv[1]))
