"""`watch`: the live view over MQTT, one look at it, or its lines for a pipe."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import BrokerOption, ConfigOption, IdOption, JsonOption

if TYPE_CHECKING:
    from backstride.mqtt.remote import RemoteSettings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("watch", rich_help_panel="Session")(watch)


def watch(  # noqa: PLR0917  Typer turns parameters into options
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    once: Annotated[bool, typer.Option("--once", help="One look, then end.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="One look, kept as an .svg."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Watch and steer treadmills live. Keys: s or Esc STOP, a arm, c confirm, space pause, q quit.

    Into a pipe, or with --json, it writes one line for each state.
    """
    from backstride.cli.broker import NO_BROKER_HINT, check_choice, load_settings
    from backstride.mqtt.remote import NoBrokerError

    loaded, settings = load_settings(config, broker, treadmill)
    check_choice(loaded, treadmill)
    try:
        if once or output is not None:
            _look(settings, treadmill, output, as_json=as_json)
        elif as_json or not (sys.stdout.isatty() and sys.stdin.isatty()):
            asyncio.run(_stream(settings, treadmill, as_json=as_json))
        else:
            _live(settings, treadmill)
    except NoBrokerError as error:
        raise CommandFailedError(f"{error}\n{NO_BROKER_HINT}", Exit.NO_BROKER) from error
    except KeyboardInterrupt:
        return


def _live(settings: RemoteSettings, treadmill: str | None) -> None:
    from backstride.cli.live import Watch
    from backstride.cli.terminal import make_console

    async def run() -> None:
        await Watch(settings, treadmill, make_console()).run()

    asyncio.run(run())


def _look(
    settings: RemoteSettings, treadmill: str | None, output: Path | None, *, as_json: bool
) -> None:
    from backstride.cli.dashboard import export_svg, render
    from backstride.cli.live import look
    from backstride.cli.terminal import make_console, print_json, tell

    screen = asyncio.run(look(settings, treadmill))
    sight = screen.sight
    if sight is None or sight.state is None or (treadmill and sight.id != treadmill):
        raise CommandFailedError(
            "the broker knows no such treadmill; is the daemon running?", Exit.NO_ANSWER
        )
    if output is not None:
        output.write_text(export_svg(screen), encoding="utf-8")
        tell(f"written to {output}")
    elif as_json:
        print_json({"id": sight.id, "online": sight.online, "state": sight.state})
    else:
        console = make_console()
        console.print(render(screen, 24))


async def _stream(settings: RemoteSettings, treadmill: str | None, *, as_json: bool) -> None:
    import msgspec

    from backstride.cli.terminal import print_json_line
    from backstride.mqtt.remote import Remote
    from backstride.mqtt.schema import State

    async with Remote(settings, treadmill) as remote:
        async for news in remote.news():
            if news.topic != "state":
                continue
            try:
                state = msgspec.json.decode(news.payload, type=State)
            except msgspec.DecodeError:
                continue
            if as_json:
                print_json_line({"id": news.treadmill, "state": state})
            else:
                speed = "  — " if state.speed.measured is None else f"{state.speed.measured:4.1f}"
                print(
                    f"{state.time} {news.treadmill} {state.phase:<11} {speed} km/h {state.sentence}",
                    flush=True,
                )
