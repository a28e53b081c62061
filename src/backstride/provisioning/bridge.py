"""A bridge from a gym's broker to a hub: what treadmills say goes up, `stop` comes down, and nothing else.

Theory of operation
-------------------
The gym's mosquitto connects to the hub's as a client with a certificate; nothing at the gym listens to the
outside. At the hub the site's name stands between prefix and id: `backstride/oslo/mill-1/state`.

Two lists hold the same line, and each alone would do: this configuration subscribes at the hub to
`command/stop` only, and the hub's access list lets the site read no more (`Role.SITE`). Whoever owns the hub
can therefore stop belts and not start one; to change that, somebody must change files at the gym.

`cleansession`: a Stop that was published while the line was down is not kept for later. Whoever sends one
repeats it until the phase, which comes up the same line, confirms it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.provisioning.mosquitto import TLS_PORT
from backstride.provisioning.plan import ProvisioningError
from backstride.provisioning.roles import BRIDGED, STOP

KEEPALIVE_S: Final = 10
"""A line that is dead is noticed after one and a half of this."""
RETRY_S: Final = "1 30"
"""Before the next attempt: the first pause and the longest."""


class Bridge(Struct, frozen=True, kw_only=True):
    """One gym's line to a hub. `proof` has the files that the hub's `broker add SITE --role site` made.

    Without `proof` the line has no TLS: for tests on one machine.
    """

    site: str
    hub: str
    port: int = TLS_PORT
    prefix: str
    proof: Path | None

    def check(self) -> None:
        """Return if the files are here.

        Raises:
            ProvisioningError: one is missing.
        """
        for path in () if self.proof is None else self._files(self.proof):
            if not path.is_file():
                raise ProvisioningError(
                    f"{path} is missing; at the hub, `backstride broker add {self.site} --role site` makes"
                    f" machines/{self.site}: copy what is in it into {path.parent}"
                )

    def _files(self, proof: Path) -> tuple[Path, Path, Path]:
        return proof / "ca.pem", proof / f"{self.site}.pem", proof / f"{self.site}.key"

    def write(self) -> str:
        """Write the bridge's part of mosquitto's configuration; the same for 2.0 and 2.1."""
        below = f"{self.prefix}/ {self.prefix}/{self.site}/"
        lines = [
            f"# From this gym to the hub, as {self.site!r}; written by `backstride gym bridge`.",
            "# What treadmills say goes up, and only `stop` comes down.",
            f"connection backstride-{self.site}",
            f"address {self.hub}:{self.port}",
            f"remote_clientid backstride-site-{self.site}",
            f"local_clientid backstride-bridge-{self.site}",
            "bridge_protocol_version mqttv50",
            "start_type automatic",
            f"restart_timeout {RETRY_S}",
            f"keepalive_interval {KEEPALIVE_S}",
            "# Nothing waits for a line that is down: states are said again, and a Stop is repeated.",
            "cleansession true",
            "local_cleansession true",
            "try_private true",
            "notifications false",
        ]
        if self.proof is not None:
            ca, certificate, key = self._files(self.proof)
            lines += [
                f"bridge_cafile {ca}",
                f"bridge_certfile {certificate}",
                f"bridge_keyfile {key}",
            ]
        lines += [f"topic +/{name} out 1 {below}" for name in BRIDGED]
        lines.append(f"topic +/{STOP} in 1 {below}")
        return "\n".join(lines) + "\n"
