"""The radios of one process: the host's own, and the virtual air where something virtual is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backstride.ftms.discovery import ByAddress, Target, parse_target
from backstride.ftms.radio import Radio
from backstride.service.clock import LoopClock
from backstride.service.settings import Treadmill

if TYPE_CHECKING:
    from backstride.virtual.gadget import Gadget


class Radios:
    """The radios of this process: the host's own, and the virtual air when a treadmill needs it."""

    def __init__(self) -> None:
        self._air: object | None = None
        self.pumps: dict[str, object] = {}
        """What drives each virtual machine (`virtual.pump.Pump`), by treadmill id."""

    async def provide(self, treadmill: Treadmill) -> tuple[Radio, Target]:
        """The radio that reaches a treadmill, and what to look for on it."""
        if treadmill.virtual is None:
            return Radio(adapter=treadmill.adapter), parse_target(treadmill.target)
        # Bumble is an extra and heavy: loaded only for those who asked for a virtual treadmill.
        from backstride.virtual.catalogue import load_machine  # noqa: PLC0415
        from backstride.virtual.machine import Machine  # noqa: PLC0415
        from backstride.virtual.model import derive_address  # noqa: PLC0415

        model = load_machine(treadmill.virtual)
        now = LoopClock().now()
        address = derive_address(f"{treadmill.id}/{treadmill.virtual}")
        machine = Machine(model, now_ms=now, address=address)
        return await self.serve(treadmill.id, machine), ByAddress(machine.address)

    async def serve(self, name: str, gadget: Gadget) -> Radio:
        """Put something on the virtual air; its pump gets this name. The radio that reaches it."""
        from backstride.virtual.radio import Air  # noqa: PLC0415

        air = self._air if isinstance(self._air, Air) else Air()
        self._air = air
        self.pumps[name] = await air.serve(gadget)
        return Radio(client=air.client_backend(), scanner=air.scanner_backend())
