"""Mosquitto's configuration, in the words of 2.0 and of 2.1.

2.1 deprecates `password_file` and `acl_file`: the same code is in two plugins there. The files that they
read are the same, and so is everything else. `per_listener_settings` is deprecated too and not needed:
where a listener asks for certificates, mosquitto asks nobody for a password.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

from msgspec import Struct

TLS_PORT: Final = 8883
WEBSOCKETS_PORT: Final = 9001
LARGEST_PACKET: Final = 65_536
"""Bytes. Home Assistant's discovery of a treadmill has some 20,000, a command 400."""
PLUGINS: Final = ("/usr/lib/*/mosquitto", "/usr/lib/mosquitto", "/usr/lib", "/usr/local/lib")
"""Where distributions put mosquitto's plugins: Debian's place, then others'."""
_ACL_PLUGIN: Final = "mosquitto_acl_file.so"
_PASSWORD_PLUGIN: Final = "mosquitto_password_file.so"  # noqa: S105  the name of a file


class Kind(StrEnum):
    """How clients prove who they are."""

    HOME = "home"
    """With names and passwords, over TLS."""
    GYM = "gym"
    """Treadmills and machines with certificates; people, on the page, with names and passwords."""


class Flavour(StrEnum):
    """Which mosquitto reads the configuration."""

    V20 = "2.0"
    V21 = "2.1"


class Listeners(Struct, frozen=True, kw_only=True):
    """Ports."""

    tls: int = TLS_PORT
    websockets: int = WEBSOCKETS_PORT


class BrokerFiles(Struct, frozen=True):
    """What mosquitto reads, in one directory."""

    directory: Path

    @property
    def passwords(self) -> Path:
        """Names and hashes."""
        return self.directory / "passwords"

    @property
    def acl(self) -> Path:
        """Who may do what."""
        return self.directory / "acl"

    @property
    def authority(self) -> Path:
        """The authority's certificate."""
        return self.directory / "ca.pem"

    @property
    def revoked(self) -> Path:
        """The list of revoked certificates."""
        return self.directory / "revoked.pem"

    @property
    def certificate(self) -> Path:
        """The broker's own."""
        return self.directory / "server.pem"

    @property
    def key(self) -> Path:
        """The broker's own."""
        return self.directory / "server.key"

    def configuration(self, flavour: Flavour) -> Path:
        """Mosquitto's configuration."""
        return self.directory / f"mosquitto-{flavour}.conf"


def find_plugins(root: Path = Path("/")) -> Path:
    """Find where mosquitto 2.1 keeps its plugins; Debian's place on this machine if it is not here."""
    for pattern in PLUGINS:
        for place in sorted(root.glob(pattern.lstrip("/"))):
            if (place / _ACL_PLUGIN).is_file():
                return place
    here = [place for place in root.glob("usr/lib/*-linux-gnu*") if place.is_dir()]
    return (here[0] if here else root / "usr/lib") / "mosquitto"


def write_configuration(
    kind: Kind, flavour: Flavour, files: BrokerFiles, listeners: Listeners, plugins: Path
) -> str:
    """Write mosquitto's configuration as a whole."""
    return "\n".join(
        (
            f"# For mosquitto {flavour}, written by `backstride broker init --{kind}`.",
            "# Include it from mosquitto's own configuration, or start mosquitto with it.",
            "",
            "# Without it each answer is 40 ms late.",
            "set_tcp_nodelay true",
            "# Nobody is let in without a name.",
            "allow_anonymous false",
            *_access(flavour, files, plugins),
            "",
            "# What one client may ask of the broker. Raise the first two if other devices with large",
            "# messages use this broker too.",
            f"max_packet_size {LARGEST_PACKET}",
            # Of 2.0's websockets only this one holds.
            f"message_size_limit {LARGEST_PACKET}",
            "max_inflight_messages 20",
            "max_queued_messages 100",
            "# Nothing of Backstride is worth keeping: it says everything again when the broker is back,",
            "# and a command that waited is one that nobody expects any more.",
            "persistence false",
            "",
            *_machines(kind, files, listeners),
            "",
            *_people(files, listeners),
            "",
        )
    )


def _access(flavour: Flavour, files: BrokerFiles, plugins: Path) -> tuple[str, ...]:
    match flavour:
        case Flavour.V20:
            return f"password_file {files.passwords}", f"acl_file {files.acl}"
        case Flavour.V21:
            return (
                f"global_plugin {plugins / _PASSWORD_PLUGIN}",
                f"plugin_opt_password_file {files.passwords}",
                f"global_plugin {plugins / _ACL_PLUGIN}",
                f"plugin_opt_acl_file {files.acl}",
            )
        case _:
            assert_never(flavour)


def _tls(files: BrokerFiles) -> tuple[str, ...]:
    return f"certfile {files.certificate}", f"keyfile {files.key}"


def _machines(kind: Kind, files: BrokerFiles, listeners: Listeners) -> tuple[str, ...]:
    listener = (f"listener {listeners.tls}", *_tls(files))
    match kind:
        case Kind.HOME:
            return ("# For everything but browsers: a name and a password.", *listener)
        case Kind.GYM:
            return (
                "# For treadmills and machines: the certificate says who it is.",
                *listener,
                f"cafile {files.authority}",
                f"crlfile {files.revoked}",
                "require_certificate true",
                "use_identity_as_username true",
            )
        case _:
            assert_never(kind)


def _people(files: BrokerFiles, listeners: Listeners) -> tuple[str, ...]:
    return (
        "# For the page in a browser: a name and a password.",
        f"listener {listeners.websockets}",
        "protocol websockets",
        *_tls(files),
    )
