"""Make the pictures of README from real runs: the live view, training, a fleet, and the page."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from msgspec.structs import replace
from page_pictures import take_page
from training_pictures import remove_fonts, take_fleet, take_training

from backstride.cli.dashboard import export_svg
from backstride.cli.demo import _stage
from backstride.cli.demo_robot import Robot
from backstride.cli.demo_stage import TREADMILL
from backstride.cli.sight import Screen, absorb
from backstride.domain.session import Phase
from backstride.mqtt.broker import make_demo_broker
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.mqtt.schema import State

FACTOR = 8.0
STEP = 7
"""The step of the demo's program at which the picture is taken: backward, in the third work interval."""


async def take_watch(directory: Path) -> str:
    """Run the demo's session and draw its live view in the middle of it, as SVG."""
    options = argparse.Namespace(
        machine="ideal", factor=FACTOR, output=directory / "unused.svg", program="demo"
    )
    async with make_demo_broker(directory) as broker:
        settings = RemoteSettings(host="127.0.0.1", port=broker.port)
        async with _stage(options, broker.port, directory, directory / "daemon.log") as stage:
            robot = asyncio.create_task(Robot(settings, "demo", FACTOR, lines=False).walk())
            screen = Screen(now=now(), selected=TREADMILL)
            async with Remote(settings) as remote:
                async for news in remote.news():
                    screen = absorb(screen, replace(news, at=now()))
                    if news.topic == "state":
                        state = msgspec.json.decode(news.payload, type=State)
                        step = state.step.index if state.step else 0
                        if state.phase is Phase.RUNNING and step == STEP and _half_way(state):
                            break
                        if state.phase in {Phase.FINISHED, Phase.FAULTED}:
                            raise RuntimeError(f"the session ended too soon: {state.sentence}")
            robot.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await robot
            stage.terminate()
            await stage.wait()
    return remove_fonts(export_svg(screen))


def _half_way(state: State) -> bool:
    return state.step is not None and state.step.remaining < 15


def now() -> int:
    """The session's time: FACTOR times as fast as this process's."""
    return round(time.monotonic() * 1_000 * FACTOR)


def run(*words: str) -> None:
    """Run a command of backstride, quietly."""
    subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "backstride.cli", *words], check=True, stdout=subprocess.DEVNULL
    )


def main() -> None:
    """Make all pictures in the directory that is named."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        view = asyncio.run(take_watch(Path(directory)))
    (target / "watch.svg").write_text(view, encoding="utf-8")
    run(
        "simulate",
        "first-steps",
        "--machine",
        "citysports",
        "--output",
        str(target / "session.svg"),
    )
    take_training(target)
    take_fleet(target)
    take_page(target)
    for picture in sorted(target.iterdir()):
        print(picture)


if __name__ == "__main__":
    main()
