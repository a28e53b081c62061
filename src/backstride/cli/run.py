"""`backstride run`: the daemon. Imports nothing that it does not need for weeks."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from backstride.cli.exits import Exit
from backstride.domain.errors import BackstrideError

if TYPE_CHECKING:
    from backstride.service.settings import Treadmill

SUMMARY = "Run the daemon: guide every treadmill of the configuration, until SIGTERM."


def make_parser() -> argparse.ArgumentParser:
    """The options of `run`."""
    parser = argparse.ArgumentParser(
        prog="backstride run",
        description=SUMMARY,
        epilog=(
            "SIGTERM and Ctrl-C bring every moving belt down before the daemon ends. Exit codes: 0 ended"
            " as told, 1 failed, 2 the configuration is wrong."
        ),
    )
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="the configuration (else $BACKSTRIDE_CONFIG, else /etc/backstride/backstride.toml)",
    )
    parser.add_argument(
        "--host-name",
        metavar="NAME",
        help="whose treadmills to take from a configuration of several hosts (else this host's)",
    )
    parser.add_argument(
        "-i",
        "--treadmill",
        metavar="ID",
        help="run this treadmill of the configuration only (as backstride@ID.service does)",
    )
    parser.add_argument("--debug", action="store_true", help="log everything; show tracebacks")
    return parser


def main(argv: list[str]) -> int:
    """Run the daemon to its end and return its exit code."""
    options = make_parser().parse_args(argv)
    # structlog loads Rich where it is installed, to draw tracebacks: 4 MB and 0.15 s for nothing here.
    cast("dict[str, ModuleType | None]", sys.modules).setdefault("rich", None)
    from backstride.service.config import load_config, state_directory
    from backstride.service.configreader import ConfigError
    from backstride.service.identity import require_own
    from backstride.service.logs import configure
    from backstride.service.owed import find_state, find_strays
    from backstride.service.selection import choose_for_daemon
    from backstride.service.settings import LogFormat, LogLevel

    try:
        own = require_own(load_config(options.config), options.host_name)
        config = choose_for_daemon(own, options.treadmill)
    except ConfigError as error:
        print(error, file=sys.stderr)
        configure(LogFormat.AUTO, LogLevel.INFO)
        state = find_state(options.config)
        strays = find_strays(state)
        _stop(state, [one for one in strays if options.treadmill in {None, one.id}])
        return Exit.USAGE
    level = LogLevel.DEBUG if options.debug else config.service.log_level
    configure(config.service.log_format, level)
    if config.file is None:
        _say_defaults(config.broker.host, config.broker.port)
    state = state_directory(config)
    from backstride.service.supervisor import DefectError, serve

    try:
        ids = {one.id for one in config.treadmills}
        if options.treadmill is None and (strays := find_strays(state, ids)):
            _stop(state, [*config.treadmills, *strays])  # ours need not wait for those
        asyncio.run(serve(config))
    except KeyboardInterrupt:
        return Exit.OK
    except Exception as error:
        told = isinstance(error, BackstrideError) and not options.debug
        if told:
            print(error, file=sys.stderr)
        if not isinstance(error, DefectError):
            _stop(state, config.treadmills)
        if not told:
            raise
        return Exit.USAGE if isinstance(error, ConfigError) else Exit.REFUSED
    return Exit.OK


def _stop(state: Path, treadmills: Sequence[Treadmill]) -> None:
    """Bring those belts to rest that an earlier life left moving: before this one gives up, or looks away."""
    if treadmills:
        from backstride.service.rescue import rescue

        asyncio.run(rescue(state, treadmills))


def _say_defaults(host: str, port: int) -> None:
    import structlog

    structlog.get_logger("backstride.cli").warning(
        "no configuration found: defaults are used",
        broker=f"{host}:{port}",
        treadmill="the only one in range, as `treadmill`",
        remedy="write /etc/backstride/backstride.toml or name a file with --config",
    )
