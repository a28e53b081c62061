"""Backstride as it is started in production: `backstride run`, with its radio on the bench's air.

The one thing that is replaced is where the radio is: the configuration names an ordinary treadmill by its
address, and `Radios.provide` answers with the bench's bleak backend in place of BlueZ's. Everything else -
entry point, configuration, logs, lock, journal on disk, broker connection, control loop - is the product,
imported in the product's own order.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, override

from backstride.cli.main import main


def _put_on_the_air() -> None:
    from backstride.ftms.discovery import Target, parse_target  # noqa: PLC0415  see the docstring
    from backstride.ftms.radio import Radio  # noqa: PLC0415
    from backstride.service import supervisor  # noqa: PLC0415
    from backstride.service.settings import Treadmill  # noqa: PLC0415
    from bench.wire import WireClient, WireScanner  # noqa: PLC0415

    class AirRadios(supervisor.Radios):
        @override
        async def provide(self, treadmill: Treadmill) -> tuple[Radio, Target]:
            return Radio(client=WireClient, scanner=WireScanner), parse_target(treadmill.target)

    supervisor.Radios = AirRadios  # type: ignore[misc]


_run = asyncio.run


def _run_on_the_air(service: Coroutine[Any, Any, None]) -> None:
    # The service looks for its radios in the first step of its coroutine.
    _put_on_the_air()
    _run(service)


if __name__ == "__main__":
    asyncio.run = _run_on_the_air  # type: ignore[assignment]
    sys.exit(main(["run", *sys.argv[1:]]))
