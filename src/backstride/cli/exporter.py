"""`exporter`: what treadmills say, into a time series database, as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import BrokerOption, ConfigOption

if TYPE_CHECKING:
    from backstride.service.exporter import Exporter

SitesOption = Annotated[
    bool,
    typer.Option("--sites", help="The broker is a hub: a site's name stands before each id."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("exporter", rich_help_panel="Service")(exporter)


def exporter(
    url: Annotated[
        str,
        typer.Option("--url", metavar="URL", help="The database, such as http://localhost:8428."),
    ],
    broker: BrokerOption = None,
    sites: SitesOption = False,
    config: ConfigOption = None,
) -> None:
    """Write history into VictoriaMetrics or InfluxDB: speeds, sessions, health. Runs until SIGTERM.

    No treadmill waits for it, and none notices when it or the database is gone.
    """
    from backstride.cli.broker import load_settings
    from backstride.service.exporter import Exporter, UrlError
    from backstride.service.logs import configure

    loaded, settings = load_settings(config, broker)
    configure(loaded.service.log_format, loaded.service.log_level)
    try:
        made = Exporter(settings, url, depth=2 if sites else 1)
    except UrlError as error:
        raise CommandFailedError(str(error), Exit.USAGE) from error
    asyncio.run(_run(made))


async def _run(made: Exporter) -> None:
    task = asyncio.create_task(made.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
