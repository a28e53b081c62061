"""`speaker`: says the cues through this host's loudspeaker, as a process of its own."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import BrokerOption, ConfigOption, IdOption

if TYPE_CHECKING:
    from backstride.mqtt.remoteclient import RemoteSettings
    from backstride.service.config import Config
    from backstride.service.speaker import Mouth, Player
    from backstride.service.speaker_voices import Larynx

RETRY_S: Final = 2.0
"""A broker that is away is tried again this often."""
MODELS: Final = (
    Path("/usr/share/piper-voices"),
    Path("/usr/local/share/piper-voices"),
    Path("~/.local/share/piper-voices"),
)
"""Where Piper's models are looked for."""
ENGINES: Final = ("auto", "piper", "espeak-ng")

EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="|".join(ENGINES),
        help="What speaks: Piper where it and a model are installed, else espeak-ng.",
    ),
]
ModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--models", metavar="DIR", help="Piper's models (de_DE-thorsten-medium.onnx ...)."
    ),
]
PlayerOption = Annotated[
    str | None,
    typer.Option(
        "--player", metavar="COMMAND", help="Plays the WAV file that is its last argument."
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Keep WAV files there and play nothing."),
]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="Where what was spoken once is kept."),
]
PrepareOption = Annotated[
    bool,
    typer.Option(
        "--prepare",
        help="Speak everything that can come into the cache, then end: for slow computers.",
    ),
]
LanguagesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--language", metavar="CODE", help="With --prepare: which, else the configured one."
    ),
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("speaker", rich_help_panel="Service")(speak)


def speak(  # noqa: PLR0917  Typer turns parameters into options
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    engine: EngineOption = "auto",
    models: ModelsOption = None,
    player: PlayerOption = None,
    output: OutputOption = None,
    cache: CacheOption = None,
    prepare: PrepareOption = False,
    language: LanguagesOption = None,
    config: ConfigOption = None,
) -> None:
    """Say the cues of a treadmill through this host's loudspeaker.

    A rising tone is faster, a falling one slower, two low ones stop; an alarm cuts everything off. Without
    a voice there are still the tones. It is an outlet, not a safety device.
    """
    from backstride.cli.broker import load_settings
    from backstride.service.logs import configure
    from backstride.service.speaker_voices import Larynx

    if engine not in ENGINES:
        raise CommandFailedError(f"--engine is one of {', '.join(ENGINES)}", Exit.USAGE)
    loaded, settings = load_settings(config, broker, treadmill)
    configure(loaded.service.log_format, loaded.service.log_level)
    homes = MODELS if models is None else (models,)
    larynx = Larynx(_cache(cache), engine=engine, models=[home.expanduser() for home in homes])
    if prepare:
        _prepare(loaded, larynx, language or [loaded.guidance.language.value])
        return
    ids = [one.id for one in loaded.treadmills] if treadmill is None else [treadmill]
    if len(ids) != 1:
        raise CommandFailedError(
            f"a loudspeaker speaks for one treadmill; choose it with --id: {', '.join(ids)}",
            Exit.USAGE,
        )
    _run(settings, ids[0], larynx, _player(player, output))


def _cache(chosen: Path | None) -> Path:
    import os

    if chosen is not None:
        return chosen
    if given := os.environ.get("CACHE_DIRECTORY"):  # systemd's
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "backstride" / "speech"


def _player(command: str | None, output: Path | None) -> Player:
    from backstride.service.speaker import PLAYERS, Folder, Program, find_player

    if output is not None:
        return Folder(output)
    found = tuple(shlex.split(command)) if command else find_player()
    if not found:
        names = ", ".join(player[0] for player in PLAYERS)
        raise CommandFailedError(
            f"nothing here plays sound: install one of {names}, or name one with --player"
        )
    return Program(found)


def _prepare(config: Config, larynx: Larynx, codes: list[str]) -> None:
    import asyncio

    from backstride.cli.lookup import get_catalogue
    from backstride.service.languages import read_language
    from backstride.service.speaker_phrases import speeches
    from backstride.service.words import words

    async def speak_all() -> tuple[int, int]:
        done = failed = 0
        for code in codes:
            language = read_language(code)
            if language is None:
                raise CommandFailedError(f"{code!r} is no language of ours", Exit.USAGE)
            said = words(language, config.guidance.units)
            for text in speeches(said, get_catalogue(config), config.site.max_speed):
                made = await larynx.speak(text, language.value)
                done, failed = done + (made is not None), failed + (made is None)
        return done, failed

    done, failed = asyncio.run(speak_all())
    print(f"{done} sentences are ready to be said")
    if failed:
        raise CommandFailedError(
            f"{failed} sentences could not be spoken: install espeak-ng, or Piper and a model"
        )


def _run(settings: RemoteSettings, treadmill: str, larynx: Larynx, player: Player) -> None:
    import asyncio
    import signal
    import tempfile

    from backstride.service.speaker import Mouth

    async def run(scratch: Path) -> None:
        mouth = Mouth(larynx, player, scratch)
        tasks: set[asyncio.Task[object]] = {
            asyncio.create_task(mouth.run(), name="mouth"),
            asyncio.create_task(_listen(settings, treadmill, mouth), name="ear"),
        }
        ending = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ending.set)
        tasks.add(asyncio.create_task(ending.wait(), name="ending"))
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for task in done:
            task.result()

    with tempfile.TemporaryDirectory(prefix="backstride-speaker-") as scratch:
        asyncio.run(run(Path(scratch)))


async def _listen(settings: RemoteSettings, treadmill: str, mouth: Mouth) -> None:
    """Hand each cue of the treadmill to the mouth; a broker that is away is tried again."""
    import asyncio

    import structlog

    from backstride.mqtt.remote import NoBrokerError, Remote

    log = structlog.get_logger("backstride.speaker").bind(treadmill=treadmill)
    known: str | None = None
    while True:
        try:
            async with Remote(settings, treadmill) as remote:
                log.info("listening")
                known = None
                async for news in remote.news():
                    if news.topic == "cue" and not news.retained:
                        _take(news.payload, mouth)
        except NoBrokerError as error:
            if str(error) != known:
                log.warning("no broker", reason=str(error))
            known = str(error)
        await asyncio.sleep(RETRY_S)


def _take(payload: bytes, mouth: Mouth) -> None:
    """A cue that cannot be read is a daemon's of another version; the next one may be readable."""
    import msgspec
    import structlog

    from backstride.mqtt.schema import CueNote

    try:
        mouth.hear(msgspec.json.decode(payload, type=CueNote))
    except msgspec.DecodeError as error:
        structlog.get_logger("backstride.speaker").warning("cue not read", reason=str(error))
