"""`fleet`: all treadmills of a broker in one table, and Stop for one or all of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import BrokerOption, ConfigOption, JsonOption

if TYPE_CHECKING:
    from backstride.cli.fleet_stop import Result
    from backstride.cli.fleet_view import Row
    from backstride.mqtt.remote import RemoteSettings

_group = typer.Typer(
    name="fleet",
    help="All treadmills of a broker: a live table, and Stop. Nothing is started from here.",
    invoke_without_command=True,
)
_NO_ACCESS: Final = (
    "with this configuration each treadmill has its own access and sees nothing of the others;"
    " `backstride broker add office --role coach --certificate` makes somebody who sees them all,"
    " and --config names a file with that access"
)
SitesOption = Annotated[
    bool,
    typer.Option("--sites", help="The broker is a hub: a site's name stands before each id."),
]
PrefixOption = Annotated[
    str | None,
    typer.Option("--prefix", metavar="TOPIC", help="Another first level of the topics."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(_group, rich_help_panel="Session")


@_group.callback()
def fleet(  # noqa: PLR0917  Typer turns parameters into options
    context: typer.Context,
    wanted: Annotated[
        str,
        typer.Option(
            "--filter", "-f", metavar="WORDS",
            help="Only rows with all these words; `!word`: without. Also silent, link, fault.",
        ),
    ] = "",
    by: Annotated[
        str, typer.Option("--sort", "-s", metavar="COLUMN", help="`-COLUMN` sorts backward.")
    ] = "id",
    once: Annotated[bool, typer.Option("--once", help="One look, then end.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One look, as CSV.")] = False,
    as_json: JsonOption = False,
    sites: SitesOption = False,
    prefix: PrefixOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
) -> None:  # fmt: skip
    """Watch all treadmills of a broker. Keys: arrows choose, s STOP, o order, r reverse, / filter, q quit.

    Into a pipe it is one look.
    """
    if context.invoked_subcommand is not None:
        return
    from backstride.cli.fleet_view import COLUMNS

    column, backward = by.removeprefix("-"), by.startswith("-")
    if column not in COLUMNS:
        raise CommandFailedError(
            f"{column[:40]!r} is no column; there are {', '.join(COLUMNS)}", Exit.USAGE
        )
    settings = _settings(config, broker, prefix)
    if once or as_csv or as_json or not (sys.stdout.isatty() and sys.stdin.isatty()):
        _look(
            settings, wanted, column, backward=backward, sites=sites, as_csv=as_csv, as_json=as_json
        )
        return
    from backstride.cli.fleet_live import FleetWatch
    from backstride.cli.terminal import make_console

    watch = FleetWatch(settings, make_console(), depth=2 if sites else 1)
    watch.wanted, watch.by, watch.backward = wanted, column, backward
    _run(watch.run())


@_group.command("stop")
def stop(  # noqa: PLR0917  Typer turns parameters into options
    treadmills: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Which ones; SITE/ID at a hub.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every treadmill that the broker knows.")
    ] = False,
    sites: SitesOption = False,
    prefix: PrefixOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop belts, again and again until each is confirmed at rest. Exit 0 only if all of them are.

    1: one is not confirmed; 4: one did not answer.
    """
    from backstride.cli.terminal import complain, print_json, tell

    chosen = tuple(dict.fromkeys(treadmills or ()))
    if bool(chosen) is everything:
        raise CommandFailedError("name treadmills, or write --all", Exit.USAGE)
    depth = 2 if sites else 1
    for treadmill in chosen:
        _check_name(treadmill, depth)
    results, there = _run(_stop(_settings(config, broker, prefix), chosen, depth))
    if as_json:
        print_json(list(results))
    for each in () if as_json else results:
        (tell if each.at_rest else complain)(each.sentence)
    if not all(each.known for each in results):
        complain(f"there are {', '.join(there)}" if there else "the broker knows no treadmill")
    if not results:
        raise CommandFailedError("the broker knows no treadmill", Exit.NO_ANSWER)
    if any(each.phase is None for each in results):
        raise typer.Exit(Exit.NO_ANSWER)
    if not all(each.at_rest for each in results):
        raise typer.Exit(Exit.REFUSED)


def _check_name(text: str, depth: int) -> None:
    from backstride.mqtt.topics import is_id

    levels = text.split("/")
    if len(levels) != depth or not all(is_id(level) for level in levels):
        form = "ID" if depth == 1 else "SITE/ID"
        raise CommandFailedError(f"{text[:80]!r} is no treadmill; write {form}", Exit.USAGE)


async def _stop(
    settings: RemoteSettings, chosen: tuple[str, ...], depth: int
) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    """What became of each, and which treadmills there are."""
    from backstride.cli import fleet_stop
    from backstride.mqtt.remote import Remote

    async with Remote(settings, depth=depth) as remote:
        if chosen:
            # Named ones are stopped first and looked for later.
            wanted = {name: fleet_stop.Result(id=name, known=False) for name in chosen}
        else:
            wanted = await fleet_stop.find_all(remote)
        results = await fleet_stop.stop(remote, wanted, fleet_stop.PATIENCE)
        there = await remote.find_treadmills(wait=0)
    return tuple(results[name] for name in sorted(results)), there


def _look(
    settings: RemoteSettings,
    wanted: str,
    by: str,
    *,
    backward: bool,
    sites: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    from backstride.cli.fleet_view import make_table, select, summarise, write_csv
    from backstride.cli.terminal import make_console, print_json, tell

    known = _run(_see(settings, 2 if sites else 1))
    rows = select(known, wanted, by, backward=backward)
    if as_csv:
        sys.stdout.write(write_csv(rows))
    elif as_json:
        print_json(rows)
    else:
        console = make_console()
        console.print(make_table(rows, by, backward=backward, width=console.width))
        tell(summarise(rows))


async def _see(settings: RemoteSettings, depth: int) -> list[Row]:
    """Everything that the broker keeps."""
    import contextlib

    from backstride.cli.fleet_view import Mill, absorb, make_row
    from backstride.cli.live import now_ms
    from backstride.domain.units import SECOND
    from backstride.mqtt.remote import GREETING, Remote
    from backstride.mqtt.walltime import wall_now

    mills: dict[str, Mill] = {}
    async with Remote(settings, depth=depth) as remote:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GREETING / SECOND):
                async for news in remote.news():
                    absorb(mills, news, wall_now())
    now = now_ms()
    return [make_row(mill, now) for mill in mills.values()]


def _settings(config: Path | None, broker: str | None, prefix: str | None) -> RemoteSettings:
    from msgspec.structs import replace

    from backstride.cli.broker import get_settings
    from backstride.cli.lookup import get_config

    loaded = get_config(config)
    if loaded.broker.distinguishes:
        raise CommandFailedError(_NO_ACCESS, Exit.USAGE)
    settings = get_settings(loaded, broker)
    return settings if prefix is None else replace(settings, prefix=prefix)


def _run[T](work: Coroutine[object, object, T]) -> T:
    from backstride.cli.broker import NO_BROKER_HINT
    from backstride.mqtt.remote import NoBrokerError

    try:
        return asyncio.run(work)
    except NoBrokerError as error:
        raise CommandFailedError(f"{error}\n{NO_BROKER_HINT}", Exit.NO_BROKER) from error
    except KeyboardInterrupt:
        raise typer.Exit(Exit.OK) from None
