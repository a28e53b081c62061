"""`backstride rescue`: what the unit runs after the daemon, where no next life comes and a belt is owed."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from backstride.cli.exits import Exit

if TYPE_CHECKING:
    from backstride.domain.units import Ms
    from backstride.service.config import Config

SUMMARY = "Stop a belt that a dead daemon left moving. The service runs this when it has ended."
_TIME_S = 25


def make_parser() -> argparse.ArgumentParser:
    """The options of `rescue`."""
    parser = argparse.ArgumentParser(
        prog="backstride rescue",
        description=SUMMARY,
        epilog=(
            "Looks for the daemon's record of a belt that moves because of it, connects, and sends Stop if"
            " the machine's counters say that it is that run. It starts nothing, needs no broker, and leaves"
            " a treadmill alone that a daemon runs. Where the configuration is wrong, or names a treadmill no"
            " more, the dead daemon's own records say how it is reached. Exit codes: 0 nothing is owed, 1 a"
            " belt is not proven still, 2 the configuration is wrong and no more is owed."
        ),
    )
    parser.add_argument("--debug", action="store_true", help="log everything")
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration")
    parser.add_argument("-i", "--treadmill", metavar="ID", help="this treadmill only")
    parser.add_argument(
        "-t", "--time", metavar="SECONDS", type=int, default=_TIME_S, help="give up after (25)"
    )
    return parser


def main(argv: list[str]) -> int:
    """Rescue what there is to rescue and return the exit code."""
    options = make_parser().parse_args(argv)
    from backstride.domain.units import SECOND
    from backstride.service.config import Config, load_config, state_directory
    from backstride.service.configreader import ConfigError
    from backstride.service.logs import configure
    from backstride.service.owed import find_state
    from backstride.service.selection import choose_treadmill
    from backstride.service.settings import LogLevel

    wrong = False
    try:
        config = choose_treadmill(load_config(options.config), options.treadmill)
        own = state_directory(config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        wrong, config, own = True, Config(treadmills=()), find_state(options.config)
    level = LogLevel.DEBUG if options.debug else config.service.log_level
    configure(config.service.log_format, level)
    try:
        left = {
            name
            for state in _find_states(own, config)
            for name in _rescue(state, config, options.treadmill, options.time * SECOND)
        }
    except PermissionError as error:
        print(error, file=sys.stderr)
        return Exit.REFUSED
    if left:
        print(f"not proven still: {', '.join(sorted(left))}; go and look", file=sys.stderr)
        return Exit.REFUSED
    print("no belt is owed a stop, but by a daemon that runs")
    return Exit.USAGE if wrong else Exit.OK


def _find_states(own: Path, config: Config) -> list[Path]:
    """Where the daemon keeps its state: systemd tells the service, and a person need not know.

    Raises:
        PermissionError: it is not for this person to see.
    """
    from backstride.service.config import SYSTEM_STATE
    from backstride.service.local import is_hidden

    is_told = config.service.state_directory or os.environ.get("STATE_DIRECTORY")
    states = {own} if is_told else {own, SYSTEM_STATE}
    for state in states:
        if is_hidden(state / "any"):
            raise PermissionError(
                f"{state} is the daemon's own; try: sudo -u backstride backstride rescue"
            )
    return sorted(states)


def _rescue(state: Path, config: Config, wanted: str | None, patience: Ms) -> list[str]:
    from backstride.service.owed import find_left, find_strays
    from backstride.service.rescue import rescue

    strays = find_strays(state, {one.id for one in config.treadmills})
    chosen = [one for one in strays if wanted in {None, one.id}]
    left = asyncio.run(rescue(state, [*config.treadmills, *chosen], patience))
    return [*left, *find_left(state)]  # also what could not be sought
