"""`demo`: a whole guided session with nothing but this machine.

A broker, the daemon with a virtual treadmill behind a real Bluetooth stack, and the live view, each a
process of its own as in a home. A robot takes the walker's part: it arms, confirms and turns, through the
broker like anybody else, so that the session can be steered beside it from a second terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from rich.text import Text

from backstride.cli.demo_robot import Robot
from backstride.cli.demo_stage import TREADMILL
from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.lookup import get_model
from backstride.cli.page_server import PageServer
from backstride.cli.page_site import PageSettings, Site
from backstride.cli.terminal import complain, make_console, tell
from backstride.mqtt.broker import (
    BrokerError,
    InProcessBroker,
    Mosquitto,
    free_port,
    make_demo_broker,
)
from backstride.mqtt.remote import NoAnswerError, NoBrokerError, RemoteSettings
from backstride.scripts.catalogue import Catalogue

FACTOR: Final = 8.0
"""The usual acceleration: five minutes and a half of session in about forty seconds."""
PROGRAM: Final = "demo"
SHOW_END_S: Final = 2.0
"""The finished session stays on the screen this long."""
LIMIT_S: Final = 3_600.0
"""No demo lasts longer than this."""


def parse(words: list[str]) -> argparse.Namespace:
    """The options of `demo`."""
    parser = argparse.ArgumentParser(
        prog="backstride demo",
        description="Run a short guided session on a virtual treadmill, with a live view.",
        epilog="Exit codes: 0 the session was completed, 1 it was not, 2 wrong usage.",
    )
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument(
        "--real-time", action="store_true", help="as slowly as a person walks (about 6 minutes)"
    )
    speed.add_argument(
        "--factor",
        type=float,
        default=FACTOR,
        metavar="N",
        help=f"run N times as fast as a person walks (default {FACTOR:g})",
    )
    parser.add_argument(
        "--machine",
        default="ideal",
        metavar="NAME",
        help="the virtual treadmill; `backstride virtual --list` lists them",
    )
    parser.add_argument(
        "--program", default=PROGRAM, metavar="ID", help="`backstride programs` lists them"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("backstride-demo.svg"),
        metavar="FILE",
        help="where the plot goes, .svg or .png (default backstride-demo.svg)",
    )
    parser.add_argument(
        "--plain", action="store_true", help="lines instead of the full screen (default in a pipe)"
    )
    parser.add_argument(
        "--page", action="store_true", help="serve the page, too: follow and steer it in a browser"
    )
    options = parser.parse_args(words)
    if not 0 < options.factor <= 50:
        parser.error("--factor must be above 0 and at most 50")
    if options.output.suffix.lower() not in {".svg", ".png"}:
        parser.error(f"--output: {options.output} is neither .svg nor .png")
    if options.real_time:
        options.factor = 1.0
    return options


def main(words: list[str]) -> int:
    """Run the demo and return its exit code."""
    options = parse(words)
    for module in ("bumble", "matplotlib"):
        if importlib.util.find_spec(module) is None:
            raise CommandFailedError(f"the demo needs {module}; install backstride[demo,plot]")
    # What is misspelt is told here, before three processes start for nothing.
    get_model(options.machine)
    Catalogue.load().get(options.program)
    with tempfile.TemporaryDirectory(prefix="backstride-demo-") as directory:
        try:
            return asyncio.run(_run(options, Path(directory)))
        except BrokerError as error:
            raise CommandFailedError(str(error)) from error
        except (KeyboardInterrupt, asyncio.CancelledError):
            return Exit.REFUSED


async def _run(options: argparse.Namespace, directory: Path) -> int:
    _end_with_the_terminal()
    broker = (
        Mosquitto(directory, websockets=free_port())
        if options.page
        else make_demo_broker(directory)
    )
    async with broker:
        log = directory / "daemon.log"
        async with _stage(options, broker.port, directory, log) as stage:
            settings = RemoteSettings(host="127.0.0.1", port=broker.port)
            with _serve_page(broker):
                reached = await _play(options, settings, stage)
            if stage.returncode is None:
                stage.terminate()
            code = await stage.wait()
    console = make_console()
    if not reached or code not in {Exit.OK, Exit.REFUSED}:
        complain("the demo's daemon failed; its last words:")
        console.print(Text(_last_lines(log)), soft_wrap=True)
        return Exit.REFUSED
    if options.output.exists():
        console.print(Text(f"plot: {options.output}"), soft_wrap=True)
    console.print(Text(f"again, as slowly as a person walks: {_again(options)}"), soft_wrap=True)
    return code


@contextlib.contextmanager
def _serve_page(broker: Mosquitto | InProcessBroker) -> Iterator[None]:
    """Serve the page while the block lasts, if the broker speaks to browsers."""
    if not isinstance(broker, Mosquitto) or broker.websockets is None:
        yield
        return
    site = Site(PageSettings(broker=f"ws://{broker.host}:{broker.websockets}"))
    server = PageServer(site, broker.host, 0)
    tell(f"The page: http://{broker.host}:{server.port}/\n")
    with server.serving():
        yield


def _end_with_the_terminal() -> None:
    """A closed terminal or a `kill` ends the demo as `q` does, and leaves no broker or daemon behind."""
    running = asyncio.current_task()
    if running is not None:
        for number in (signal.SIGHUP, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)


def _again(options: argparse.Namespace) -> str:
    chosen = "" if options.program == PROGRAM else f" --program {options.program}"
    return f"make demo DEMO='--real-time{chosen}'"


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])


@contextlib.asynccontextmanager
async def _stage(
    options: argparse.Namespace, port: int, directory: Path, log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Daemon and treadmill as a process; ended in any case."""
    # A file that is open for the child's life, and a child that is waited for below.
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backstride.cli.demo_stage",
            "--port", str(port), "--state", str(directory / "state"),
            "--machine", options.machine, "--factor", str(options.factor),
            "--picture", str(options.output),
            stderr=errors,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(30):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _play(
    options: argparse.Namespace, settings: RemoteSettings, stage: asyncio.subprocess.Process
) -> bool:
    """Let the robot walk the session while a view shows it; whether it came to its end."""
    full_screen = not options.plain and sys.stdout.isatty() and sys.stdin.isatty()
    _tell_how_to_steer(settings.port, options)
    robot = Robot(settings, options.program, options.factor, lines=not full_screen)
    walking = asyncio.create_task(robot.walk(), name="robot")
    fallen = asyncio.create_task(stage.wait(), name="stage")
    # A robot without a daemon would wait for ever.
    fallen.add_done_callback(lambda _: walking.cancel())
    try:
        async with asyncio.timeout(LIMIT_S):
            if full_screen:
                await _show(settings, walking, options.factor)
            return await walking
    except (TimeoutError, NoBrokerError, NoAnswerError) as error:
        complain(f"the demo came to no end: {error}")
        return False
    except asyncio.CancelledError:
        # Somebody pressed q: the session is brought to rest by the daemon's own end.
        return walking.cancelled() and not fallen.done()
    finally:
        fallen.cancel()
        walking.cancel()


async def _show(settings: RemoteSettings, walking: asyncio.Task[bool], factor: float) -> None:
    """The live view until the robot is done or somebody quits."""
    from backstride.cli.live import Watch
    from backstride.cli.sight import MESSAGE_LASTS

    watch = Watch(settings, TREADMILL, make_console(), factor)
    hint = f"steer it: mosquitto_pub -p {settings.port} -t backstride/{TREADMILL}/command/stop -n"
    hint += "" if factor == 1 else f"   ({factor:g} x as fast as life)"

    async def remind() -> None:
        while True:
            message = watch.screen.message
            if message is None or watch.now() - message.at > MESSAGE_LASTS:
                watch.say(hint, good=True)
            await asyncio.sleep(1)

    async def end() -> None:
        await asyncio.wait({walking})
        await asyncio.sleep(SHOW_END_S)
        watch.press(b"q")

    helpers = [asyncio.create_task(remind()), asyncio.create_task(end())]
    try:
        await watch.run()
    finally:
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
    if not walking.done():
        walking.cancel()


def _tell_how_to_steer(port: int, options: argparse.Namespace) -> None:
    prefix = f"mosquitto_pub -h 127.0.0.1 -p {port}"
    topic = f"backstride/{TREADMILL}/command"
    speed = "" if options.factor == 1 else f" at {options.factor:g} times the speed of life"
    make_console().print(
        Text(
            f"A guided session on the virtual treadmill {options.machine!r}{speed}.\n"
            "Steer it from another terminal, for example:\n"
            f"  {prefix} -t {topic}/pause -n\n"
            f"  {prefix} -t {topic}/skip -n\n"
            f"  {prefix} -t {topic}/stop -n\n"
            f"  mosquitto_sub -h 127.0.0.1 -p {port} -v -t 'backstride/#'\n"
        ),
        soft_wrap=True,
    )
