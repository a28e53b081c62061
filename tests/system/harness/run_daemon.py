"""The daemon as a process of its own, its radio in another one: python run_daemon.py CONFIG SOCKET FACTOR."""

from __future__ import annotations

import asyncio
import sys

from remote_air import ADDRESS, RemoteAir

from backstride.domain.errors import BackstrideError
from backstride.domain.session import Options
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.service import logs
from backstride.service.config import load_config
from backstride.service.settings import LogFormat, LogLevel
from backstride.service.supervisor import serve
from backstride.virtual.clock import AcceleratedLoop


class RemoteRadios:
    """In place of the host's own radio."""

    def __init__(self, path):
        self._air = RemoteAir(path)

    async def provide(self, _treadmill):
        client, scanner = self._air.client_backend(), self._air.scanner_backend()
        return Radio(client=client, scanner=scanner), ByAddress(ADDRESS)


def main(config, path, factor):
    logs.configure(LogFormat.JSON, LogLevel.INFO)

    def started(service):
        service.radios = RemoteRadios(path)

    work = serve(load_config(config), Options(countdown=3_000), started)
    with asyncio.Runner(loop_factory=lambda: AcceleratedLoop(float(factor))) as runner:
        runner.run(work)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BackstrideError as error:
        sys.exit(str(error))
