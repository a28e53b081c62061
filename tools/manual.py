"""The manual page, from what `--help` says: one source, so that neither can lag behind the other.

Typer's commands know everything that a page needs. `run` and `rescue` parse
their own words and are asked through argparse.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from backstride import __version__
from backstride.cli.app import app
from backstride.cli.rescue import make_parser as make_rescue_parser
from backstride.cli.run import make_parser as make_run_parser

_OWN: Final = {"run": make_run_parser, "rescue": make_rescue_parser}
"""Commands that are not Typer's, so that they start quickly."""
_FILES: Final = {
    "/etc/backstride/backstride.toml": "the configuration, with every key explained",
    "/etc/backstride/programs/": "your own programs",
    "/etc/credstore/backstride.mqtt-password": "the broker's password, root's alone",
    "/var/lib/backstride/": "journals, sessions, commissioning sheets, and the record of a moving belt",
    "/usr/share/doc/backstride/": "README, the broker, topics, hazards, and examples for systemd and udev",
}
_BRACES: Final = re.compile(r"\{(\w+)\}|(?<=\[)\[(?=\w+\]\])|(?<=\w\])\]")
"""Around the arguments in Typer's usage: it doubles those that a metavar has already."""
_MARKUP: Final = re.compile(r"\[/?(?:bold|dim|italic|cyan|green|red|yellow)\]")


def write_manual(epoch: int) -> str:
    """backstride(1) in roff; its date is the given time's, so that the same commit gives the same page."""
    root = typer.main.get_group(app)
    date = datetime.fromtimestamp(epoch, UTC).date().isoformat()
    return "\n".join(
        [
            f'.TH BACKSTRIDE 1 "{date}" "backstride {__version__}" "User Commands"',
            ".SH NAME",
            r"backstride \- guided backward walking on a Bluetooth treadmill",
            ".SH SYNOPSIS",
            r"\fBbackstride\fR \fICOMMAND\fR [\fIOPTIONS\fR]",
            ".SH DESCRIPTION",
            *_paragraphs(
                "Runs interval scripts that start slowly, caps the speed, keeps the incline at zero or above,"
                " announces every change before it comes, and speaks MQTT.\n\n"
                "It is not a safety device. Its Stop is an ordinary command over a radio, and the belt needs"
                " 2 to 9 seconds to come to rest. Wear the clip of the safety key."
            ),
            ".SH COMMANDS",
            *_commands(root, "backstride"),
            ".SH FILES",
            *(line for path, what in _FILES.items() for line in _item(path, what)),
            ".SH EXIT STATUS",
            *_paragraphs(
                "0 done, 1 refused or failed, 2 wrong usage or configuration, 3 no broker, 4 no answer."
            ),
            ".SH SEE ALSO",
            r".BR systemctl (1),",
            r".BR journalctl (1),",
            r".BR mosquitto (8)",
            "",
        ]
    )


def _commands(group: TyperGroup, path: str) -> Iterator[str]:
    """Each command of a group in the order of `--help`, and the commands of groups below it."""
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield from _command(command, f"{path} {name}")
            yield from _commands(command, f"{path} {name}")
        elif name in _OWN:
            yield from _own_command(_OWN[name](), f"{path} {name}")
        elif isinstance(command, TyperCommand) and not command.hidden:
            yield from _command(command, f"{path} {name}")


def _command(command: TyperCommand | TyperGroup, path: str) -> Iterator[str]:
    context = typer.Context(command)
    usage = " ".join(command.collect_usage_pieces(context))
    usage = _BRACES.sub(r"\1", usage)
    yield f'.SS "{_escape(path)} {_escape(usage)}"'
    yield from _paragraphs(command.help or "")
    for parameter in command.params:
        if not isinstance(parameter, TyperOption) or parameter.hidden:
            continue
        shown = parameter.get_help_record(context)
        if shown is not None and "--help" not in parameter.opts:
            yield from _item(shown[0], re.sub(r"\s+", " ", shown[1]))


def _own_command(parser: argparse.ArgumentParser, path: str) -> Iterator[str]:
    yield f'.SS "{_escape(path)} [OPTIONS]"'
    yield from _paragraphs(f"{parser.description}\n\n{parser.epilog}")
    for action in parser._actions:
        if action.dest != "help":
            names = ", ".join(action.option_strings)
            yield from _item(f"{names} {action.metavar or ''}".strip(), action.help or "")


def _item(term: str, what: str) -> Iterator[str]:
    yield ".TP"
    yield rf"\fB{_escape(term)}\fR"
    yield _escape(what)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if words := " ".join(paragraph.split()):
            yield ".PP"
            yield _escape(words)


def _escape(text: str) -> str:
    """Text for roff: no command in it, hyphens that can be copied, ASCII quotes."""
    plain = _MARKUP.sub("", text).replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + plain if plain[:1] in {".", "'"} else plain
