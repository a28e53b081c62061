"""The session's commands over MQTT: send, wait for the answer, say it, and end with its exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Unpack

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import BrokerOption, ConfigOption, IdOption, JsonOption
from backstride.domain.errors import BackstrideError
from backstride.domain.events import Ask

if TYPE_CHECKING:
    from backstride.mqtt.schema import ResponseNote
    from backstride.mqtt.values import Values

_PANEL: Final = "Session"

_HELP: Final[dict[Ask, str]] = {
    Ask.CONFIRM: "Confirm: on the rails, facing as asked, clip on. Starts the countdown; also after a turn.",
    Ask.PAUSE: "Bring the belt to a stop and keep the place in the program.",
    Ask.CONTINUE: "Go on after a pause, from the machine's lowest speed.",
    Ask.SKIP: "Go to the next step.",
    Ask.FASTER: "Raise the speed by one step, within every limit.",
    Ask.SLOWER: "Lower the speed by one step.",
    Ask.FINISH: "Go to the cool-down, then stop.",
    Ask.STOP: "Stop the belt now. Never refused; repeated until it is answered.",
    Ask.ACKNOWLEDGE: "Say that you have seen the fault, so that a new session can begin.",
    Ask.PRESENT: "Answer a check-in: I am here and well.",
}


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("start", rich_help_panel=_PANEL)(_start)
    for ask, text in _HELP.items():
        app.command(ask.value, help=text, rich_help_panel=_PANEL)(_make_command(ask))
        if ask is Ask.CONFIRM:
            app.command("select", rich_help_panel=_PANEL)(_select)
            app.command("walker", rich_help_panel=_PANEL)(_walker)
        elif ask is Ask.SLOWER:
            app.command("speed", rich_help_panel=_PANEL)(_speed)
    app.command("voice", rich_help_panel=_PANEL)(_voice)
    app.command("feedback", rich_help_panel=_PANEL)(_feedback)


def _start(  # noqa: PLR0917  Typer turns parameters into options
    program: Annotated[
        str | None, typer.Argument(metavar="[PROGRAM]", help="Its id; the selected one without.")
    ] = None,
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    pin: Annotated[bool, typer.Option("--pin", help="Ask for the PIN first.")] = False,
    walker: Annotated[
        str | None,
        typer.Option("--walker", "-w", metavar="ID", help="Who walks: their limits hold."),
    ] = None,
) -> None:
    """Arm a program: says what will happen and moves nothing. `confirm` within 45 s starts it."""
    from backstride.cli.pin import ask_pin

    given = ask_pin() if pin else None
    _command(
        Ask.START, program, treadmill, broker, config, as_json=as_json, pin=given, walker=walker
    )


def _select(
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="Its id.")],
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the program that `start` without a name arms."""
    _command(Ask.SELECT, program, treadmill, broker, config, as_json=as_json)


def _speed(
    speed: Annotated[float, typer.Argument(metavar="KMH", min=0.1, help="km/h, like 2.4")],
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wish for a speed in this step of the program: the belt goes there in slow steps."""
    _command(Ask.SPEED, None, treadmill, broker, config, speed=speed, as_json=as_json)


def _walker(
    walker: Annotated[
        str | None,
        typer.Argument(metavar="[WALKER]", help="Their id; nobody in particular without."),
    ] = None,
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who walks here: their limits hold, and `start today` is their plan's next session."""
    _command(Ask.WALKER, None, treadmill, broker, config, as_json=as_json, walker=walker)


class _Switch(StrEnum):
    ON = "on"
    OFF = "off"


def _voice(
    switch: Annotated[_Switch, typer.Argument(help="Say the cues aloud, or only show them.")],
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the cues said aloud, or only shown. Alarms are always said."""
    on = switch is _Switch.ON
    _command(Ask.VOICE, None, treadmill, broker, config, on=on, as_json=as_json)


def _feedback(  # noqa: PLR0917  Typer turns parameters into options
    effort: Annotated[
        int | None,
        typer.Argument(
            metavar="[EFFORT]", min=6, max=20, help="Borg's scale: 6 none, 13 somewhat hard, 20."
        ),
    ] = None,
    pain: Annotated[int | None, typer.Option(min=0, max=10, help="0 none to 10.")] = None,
    treadmill: IdOption = None,
    broker: BrokerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how hard the last session was and how much it hurt; the plan goes by it."""
    if effort is None and pain is None:
        raise CommandFailedError("say an effort from 6 to 20, or --pain from 0 to 10", Exit.USAGE)
    _command(
        Ask.FEEDBACK, None, treadmill, broker, config, as_json=as_json, effort=effort, pain=pain
    )


def _make_command(ask: Ask) -> Callable[..., None]:
    """One command without a program."""

    def command(
        treadmill: IdOption = None,
        broker: BrokerOption = None,
        config: ConfigOption = None,
        as_json: JsonOption = False,
    ) -> None:
        _command(ask, None, treadmill, broker, config, as_json=as_json)

    return command


def _command(
    ask: Ask,
    program: str | None,
    treadmill: str | None,
    broker: str | None,
    config: Path | None,
    *,
    as_json: bool,
    **values: Unpack[Values],
) -> None:
    from backstride.cli.broker import NO_BROKER_HINT
    from backstride.cli.terminal import complain, print_json, tell
    from backstride.domain.notices import Reply
    from backstride.mqtt.remote import NoAnswerError, NoBrokerError
    from backstride.mqtt.topics import TopicError

    try:
        answer = asyncio.run(_send(ask, program, treadmill, broker, config, **values))
    except TopicError as error:
        raise CommandFailedError(str(error), Exit.USAGE) from error
    except (NoBrokerError, NoAnswerError, CommandFailedError) as error:
        failed = _as_failure(error)
        if ask is not Ask.STOP:
            raise failed from error
        # Whatever is in the way: no broker, a daemon that is not on it again yet, a configuration that cannot
        # be read, several treadmills of which none was named. Stop twice is harmless.
        states = _find_states(config)
        if stopped := _stop_locally(states, treadmill):
            tell(f"{failed}\nStop was given to the daemon on this host: {', '.join(stopped)}")
            return
        hint = _tell_left(states) or NO_BROKER_HINT
        raise CommandFailedError(f"{failed}\n{hint}", failed.code) from error
    if as_json:
        print_json(answer)
    elif answer.reply is Reply.OK:
        tell(answer.sentence)
    else:
        hint = "; start again with --pin" if answer.code == "pin" and not values.get("pin") else ""
        complain(f"{answer.reply}: {answer.sentence}{hint}")
    if answer.reply is not Reply.OK:
        raise typer.Exit(Exit.REFUSED)


def _as_failure(error: BackstrideError) -> CommandFailedError:
    from backstride.mqtt.remote import NoBrokerError

    if isinstance(error, CommandFailedError):
        return error
    code = Exit.NO_BROKER if isinstance(error, NoBrokerError) else Exit.NO_ANSWER
    return CommandFailedError(str(error), code)


def _find_states(config: Path | None) -> set[Path]:
    """Where daemons of this host may keep their state; also when the configuration cannot be read."""
    from backstride.cli.lookup import get_config
    from backstride.service.config import SYSTEM_STATE, state_directory
    from backstride.service.owed import find_state

    try:
        own = state_directory(get_config(config))
    except CommandFailedError:
        own = find_state(config)
    return {own, SYSTEM_STATE}


def _stop_locally(states: set[Path], treadmill: str | None) -> list[str]:
    """The treadmills of this host whose belts were told to stop without a broker; all, or one's."""
    from backstride.cli.terminal import complain
    from backstride.service.local import is_hidden, stop_all

    reached, forbidden = stop_all(states, treadmill)
    hidden = [f"those of {one}" for one in states if is_hidden(one / "any")]
    if forbidden or hidden:
        names = ", ".join(forbidden + hidden)
        complain(f"not allowed to stop {names} on this host; try: sudo backstride stop")
    return reached


def _tell_left(states: set[Path]) -> str | None:
    """What to do about belts of this host that nobody has any more, as a sentence; None without one."""
    from backstride.service.owed import find_left

    left = sorted({name for state in states for name in find_left(state)})
    if not left:
        return None
    return (
        f"The belt of {', '.join(left)} may be moving, and the daemon that moved it is gone: pull the safety"
        " clip; or: sudo -u backstride backstride rescue"
    )


async def _send(
    ask: Ask,
    program: str | None,
    treadmill: str | None,
    broker: str | None,
    config: Path | None,
    **values: Unpack[Values],
) -> ResponseNote:
    from backstride.cli.broker import choose_treadmill, load_settings
    from backstride.mqtt.remote import Remote

    loaded, settings = load_settings(config, broker, treadmill)
    async with Remote(settings, treadmill) as remote:
        chosen = await choose_treadmill(remote, loaded, treadmill)
        return await remote.send(chosen, ask, program, **values)
