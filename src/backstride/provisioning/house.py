"""A house's broker as a directory of files: set up once, then changed one name at a time.

```
DIRECTORY/
  house.toml              what it is; written last, so that a half-made directory is none
  authority/              ca.pem and ca.key, and every certificate ever issued or revoked
  broker/                 what mosquitto reads
  treadmills/<id>/        what goes to the treadmill's host
  machines/<name>/        what goes to Home Assistant, Node-RED, a screen on the wall
```

The directory itself is the record: who is there stands in the access list, which certificates were
issued in `authority/issued`.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from backstride.provisioning.authority import Authority, Identity, expiry
from backstride.provisioning.mosquitto import BrokerFiles, Kind, Listeners
from backstride.provisioning.plan import ProvisioningError
from backstride.provisioning.roles import Role

RECORD: Final = "house.toml"
SERVER: Final = "server"
"""The broker's own name in the register."""


class House(Struct, frozen=True, kw_only=True):
    """What is fixed when the broker is set up. The first host is the one that clients are told."""

    directory: Path
    kind: Kind
    hosts: tuple[str, ...]
    prefix: str
    listeners: Listeners

    @classmethod
    def load(cls, directory: Path) -> House:
        """Read the record of a directory.

        Raises:
            ProvisioningError: it is not one of ours.
        """
        path = directory / RECORD
        try:
            values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls(
                directory=directory,
                kind=Kind(values["kind"]),
                hosts=tuple(values["hosts"]),
                prefix=values["prefix"],
                listeners=Listeners(tls=values["port"], websockets=values["websockets"]),
            )
        except (OSError, ValueError, KeyError) as error:
            raise ProvisioningError(
                f"{directory} holds no broker's files ({path.name}: {error});"
                " `backstride broker init` makes them"
            ) from error

    @property
    def files(self) -> BrokerFiles:
        """What mosquitto reads."""
        return BrokerFiles(self.directory / "broker")

    @property
    def issued(self) -> Path:
        """Every certificate that is good until it expires."""
        return self.directory / "authority" / "issued"

    @property
    def revoked(self) -> Path:
        """Every certificate that was revoked."""
        return self.directory / "authority" / "revoked"

    def place_of(self, name: str, role: Role) -> Path:
        """What goes to whoever bears this name."""
        return self.directory / ("treadmills" if role is Role.DAEMON else "machines") / name

    def find(self, name: str) -> Path | None:
        """Where a name's files are, if it has any."""
        places = (self.place_of(name, role) for role in (Role.DAEMON, Role.WALL))
        return next((place for place in places if place.is_dir()), None)

    def names(self) -> dict[str, Role]:
        """Everybody in the access list that was put there by us."""
        found: dict[str, Role] = {}
        for line in self.files.acl.read_text(encoding="utf-8").splitlines():
            name, _, role = line.removeprefix("# ").partition(": ")
            if line.startswith("# ") and role in set(Role):
                found[name] = Role(role)
        return found

    def load_authority(self, now: datetime) -> Authority:
        """Load the authority with its key.

        Raises:
            ProvisioningError: the key is not here, or the authority is too old.
        """
        place = self.directory / "authority"
        try:
            found = Authority.load(
                Identity((place / "ca.pem").read_bytes(), (place / "ca.key").read_bytes())
            )
        except (OSError, ValueError) as error:
            raise ProvisioningError(
                f"the authority's key is needed and cannot be read ({error}); put ca.key back into {place}"
            ) from error
        if found.certificate.not_valid_after_utc <= now:
            raise ProvisioningError(
                f"the authority expired on {found.certificate.not_valid_after_utc:%Y-%m-%d};"
                " `backstride broker init` in another directory makes a new one"
            )
        return found

    def issued_to(self, name: str) -> list[Path]:
        """The certificates of a name that are good until they expire."""
        paths = sorted(self.issued.glob(f"{name}-*.pem"))
        return [path for path in paths if path.stem.rpartition("-")[0] == name]

    def expiries(self) -> dict[str, datetime]:
        """When the certificate in use of each name expires; the broker's own is SERVER."""
        found: dict[str, datetime] = {}
        for path in sorted(self.issued.glob("*.pem")):
            name = path.stem.rpartition("-")[0]
            expires = expiry(path.read_bytes())
            found[name] = max(found.get(name, expires), expires)
        return found

    def write_record(self) -> str:
        """What `load` reads."""
        hosts = ", ".join(f'"{host}"' for host in self.hosts)
        return (
            "# What `backstride broker` knows of this directory; change it there and not here.\n"
            f'kind = "{self.kind}"\nhosts = [{hosts}]\nprefix = "{self.prefix}"\n'
            f"port = {self.listeners.tls}\nwebsockets = {self.listeners.websockets}\n"
        )
