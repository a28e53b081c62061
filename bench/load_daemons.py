"""Some treadmills of the load: `python -m bench.load_daemons PORT DIRECTORY HOST_NAME ID...`.

One process as it would be on a host of a gym, only with more treadmills than a host has adapters for: the
product's own `Service`, and so for each treadmill its own control loop, core, gate, journal on disk, broker
connection with its will, discovery, and the payloads that all of them make. What is not real is below bleak:
the link to a virtual treadmill has no Bluetooth in it (`virtual.loopback`).
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import override

import structlog

from backstride.domain.machine import BeltStart
from backstride.ftms.radio import Radio
from backstride.mqtt.broker import HOST
from backstride.service import supervisor
from backstride.service.radios import Radios
from backstride.service.settings import Broker, Config, Programs, Treadmill
from backstride.service.settings import Service as ServiceSettings
from backstride.virtual.gadget import Gadget
from backstride.virtual.loopback import LoopbackAir


class LoopbackRadios(Radios):
    """Every treadmill is a virtual one on an air without Bluetooth."""

    def __init__(self) -> None:
        super().__init__()
        self._loopback = LoopbackAir()

    @override
    async def serve(self, name: str, gadget: Gadget) -> Radio:
        self.pumps[name] = await self._loopback.serve(gadget)
        air = self._loopback
        return Radio(client=air.client_backend(), scanner=air.scanner_backend())


async def main(port: int, directory: Path, host: str, ids: list[str]) -> None:
    """Run until SIGTERM."""
    treadmills = tuple(
        Treadmill(id=name, name=name, virtual="ideal", belt_start=BeltStart.REMOTE) for name in ids
    )
    config = Config(
        broker=Broker(host=HOST, port=port),
        service=ServiceSettings(state_directory=str(directory / host), host_name=host),
        programs=Programs(directory=str(directory / "programs")),
        treadmills=treadmills,
    )
    supervisor.Radios = LoopbackRadios  # type: ignore[misc]
    await supervisor.serve(config)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:]))
