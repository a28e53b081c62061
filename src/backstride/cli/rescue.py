"""`backstride rescue`: what the unit runs after the daemon. Imports next to nothing where nothing is owed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

SUMMARY = "Stop a belt that a dead daemon left moving. The service runs this when it has ended."
_TIME_S = 25


def make_parser() -> ArgumentParser:
    """The options of `rescue`."""
    from argparse import ArgumentParser

    parser = ArgumentParser(
        prog="backstride rescue",
        description=SUMMARY,
        epilog=(
            "Looks for the daemon's record of a belt that moves because of it, connects, and sends Stop if"
            " the machine's counters say that it is that run. It starts nothing, needs no broker, and leaves"
            " a treadmill alone that a daemon runs. Exit codes: 0 nothing is owed, 1 a belt is not proven"
            " still, 2 the configuration is wrong."
        ),
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration")
    parser.add_argument("-i", "--treadmill", metavar="ID", help="this treadmill only")
    parser.add_argument(
        "-t", "--time", metavar="SECONDS", type=int, default=_TIME_S, help="give up after (25)"
    )
    parser.add_argument(
        "--unless-restarted",
        metavar="UNIT",
        help="do nothing unless systemd stops this unit for good: the next life does the same, sooner",
    )
    return parser


def main(argv: list[str]) -> int:
    """Rescue what there is to rescue and return the exit code."""
    if "--unless-restarted" in argv and not _is_anything_owed():
        return 0  # as nearly always; a restart waits for this
    options = make_parser().parse_args(argv)
    if options.unless_restarted:
        from backstride.service.afterlife import is_stopped_for_good

        if not is_stopped_for_good(options.unless_restarted):
            return 0
    return _rescue(options)


def _rescue(options: Namespace) -> int:
    import asyncio

    from backstride.cli.exits import Exit
    from backstride.domain.errors import BackstrideError
    from backstride.domain.units import SECOND
    from backstride.service.config import load_config
    from backstride.service.configreader import ConfigError
    from backstride.service.logs import configure
    from backstride.service.rescue import rescue
    from backstride.service.selection import choose_treadmill

    try:
        config = choose_treadmill(load_config(options.config), options.treadmill)
        configure(config.service.log_format, config.service.log_level)
        left = asyncio.run(rescue(config, options.time * SECOND))
    except BackstrideError as error:
        if options.debug:
            raise
        print(error, file=sys.stderr)
        return Exit.USAGE if isinstance(error, ConfigError) else Exit.REFUSED
    return Exit.REFUSED if left else Exit.OK


def _is_anything_owed() -> bool:
    """Whether the service left a claim; True where systemd does not say in which directory."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if not given:
        return True
    return any(Path(given).glob("*/owner.json"))
