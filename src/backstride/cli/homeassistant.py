"""What Home Assistant is told of a treadmill: show it, or make Home Assistant forget it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import BrokerOption, ConfigOption

if TYPE_CHECKING:
    from backstride.mqtt.homeassistant.payload import Discovery

PATIENCE_S: Final = 3.0
"""What is retained comes at once."""
_FOREVER: Final = (
    "The daemon tells it again when either of them starts anew; for good, set `discovery = false` in"
    " [homeassistant] first."
)

TreadmillOption = Annotated[
    str | None,
    typer.Option(
        "--treadmill", "--id", "-i", metavar="TREADMILL", help="Which treadmill; all without it."
    ),
]

_group = typer.Typer(
    name="homeassistant",
    help="What Home Assistant is told of the treadmills: show it, remove it.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(_group, rich_help_panel="Service")


@_group.command("show")
def _show(
    treadmill: TreadmillOption = None, broker: BrokerOption = None, config: ConfigOption = None
) -> None:
    """Print the discovery message of a treadmill, made from what its daemon publishes."""
    from backstride.cli.terminal import print_json

    print_json(_run(_make(treadmill, broker, config)))


@_group.command("remove")
def _remove(
    treadmill: TreadmillOption = None, broker: BrokerOption = None, config: ConfigOption = None
) -> None:
    """Make Home Assistant forget a treadmill and its entities; all of them without --treadmill."""
    from backstride.cli.terminal import tell

    removed = _run(_forget(treadmill, broker, config))
    tell(f"Home Assistant forgets {', '.join(removed)}. {_FOREVER}")


def _run[T](work: Coroutine[None, None, T]) -> T:
    """Run something that needs the broker."""
    from backstride.mqtt.remote import NoBrokerError
    from backstride.mqtt.topics import TopicError

    try:
        return asyncio.run(work)
    except NoBrokerError as error:
        raise CommandFailedError(str(error), Exit.NO_BROKER) from error
    except TopicError as error:
        raise CommandFailedError(str(error), Exit.USAGE) from error


async def _make(treadmill: str | None, broker: str | None, config: Path | None) -> Discovery:
    import msgspec

    from backstride.cli.broker import choose_treadmill, load_settings
    from backstride.mqtt import topics
    from backstride.mqtt.homeassistant.builder import Treadmill
    from backstride.mqtt.homeassistant.discovery import describe
    from backstride.mqtt.remote import Remote
    from backstride.mqtt.schema import Info, Programs
    from backstride.mqtt.training import Walkers

    loaded, settings = load_settings(config, broker)
    async with Remote(settings, treadmill) as remote:
        chosen = await choose_treadmill(remote, loaded, treadmill)
        wanted = (topics.INFO.name, topics.PROGRAMS.name, topics.WALKERS.name)
        found: dict[str, bytes] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                async for news in remote.news():
                    if news.treadmill == chosen and news.topic in wanted:
                        found[news.topic] = news.payload
                    if len(found) == len(wanted):
                        break
        if not {topics.INFO.name, topics.PROGRAMS.name} <= found.keys():
            raise CommandFailedError(
                f"the broker knows nothing of treadmill {chosen!r}; is its daemon running?",
                Exit.NO_ANSWER,
            )
        names = {each.id: each.name for each in loaded.treadmills}
        return describe(
            Treadmill(
                id=chosen,
                name=names.get(chosen, chosen),
                prefix=f"{settings.prefix}/{chosen}",
                expiry=remote.v5,
            ),
            msgspec.json.decode(found[topics.INFO.name], type=Info),
            msgspec.json.decode(found[topics.PROGRAMS.name], type=Programs),
            # A broker may keep it from whoever asks.
            msgspec.json.decode(found[topics.WALKERS.name], type=Walkers)
            if topics.WALKERS.name in found
            else None,
        )


async def _forget(
    treadmill: str | None, broker: str | None, config: Path | None
) -> tuple[str, ...]:
    from backstride.cli.broker import load_settings
    from backstride.mqtt.homeassistant.announcer import discovery_topic
    from backstride.mqtt.remote import Remote

    loaded, settings = load_settings(config, broker)
    async with Remote(settings, treadmill) as remote:
        if treadmill is not None:
            chosen: tuple[str, ...] = (treadmill,)
        elif loaded.file is not None:
            chosen = tuple(each.id for each in loaded.treadmills)
        else:
            chosen = await remote.find_treadmills()
        if not chosen:
            raise CommandFailedError(
                "the broker knows no treadmill; name one with --treadmill", Exit.NO_ANSWER
            )
        for each in chosen:
            await remote.clear(discovery_topic(loaded.homeassistant.prefix, each))
    return chosen
