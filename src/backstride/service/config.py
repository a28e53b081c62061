"""The configuration: one TOML file, read once, checked as a whole.

Everything has a default but the treadmills of a house with more than one. A limit can only be tightened
here: what is above the product's own is refused, never clamped in silence. A secret never stands in this
file: it names the file or the systemd credential that holds it.

The file is the one named by `--config`, else by `$BACKSTRIDE_CONFIG`, else /etc/backstride/backstride.toml if
that exists. The shipped `backstride.toml` documents every key.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from backstride.domain import limits
from backstride.domain.machine import BeltStart
from backstride.domain.units import show_speed
from backstride.domain.walker import FASTEST_HEART, SLOWEST_HEART, Units
from backstride.service.configreader import (
    Findings,
    Reader,
    parse_file,
    read_choice,
    read_duration,
    read_flag,
    read_incline,
    read_integer,
    read_path,
    read_pattern,
    read_section,
    read_speed,
    read_text,
)
from backstride.service.languages import Language
from backstride.service.settings import (
    TLS_PORT,
    VIRTUAL,
    Broker,
    Config,
    Export,
    Guidance,
    HomeAssistant,
    LogFormat,
    LogLevel,
    Programs,
    Protocol,
    Service,
    Site,
    Tls,
    Treadmill,
    Walker,
)

VARIABLE: Final = "BACKSTRIDE_CONFIG"
SYSTEM_FILE: Final = Path("/etc/backstride/backstride.toml")
SYSTEM_STATE: Final = Path("/var/lib/backstride")
"""Where systemd's StateDirectory= puts the daemon's state."""
MOST_TREADMILLS: Final = 64
"""In one daemon; a Bluetooth adapter carries seven links, a host few adapters [CHOICE]."""


_ID: Final = read_pattern(
    r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?",
    'small letters, digits and hyphens, for example "living-room"',
)
_HOST: Final = read_pattern(
    r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", 'a host name such as "pi-3"'
)
_ADDRESS: Final = (
    r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
)
_TOPIC: Final = r"(?!\$)[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*"
_TLS: Final[dict[str, Reader]] = {"ca": read_path, "cert": read_path, "key": read_path}
_BROKER: Final[dict[str, Reader]] = {
    "host": read_text("broker.example"),
    "port": read_integer(1, 65_535),
    "user": read_text("backstride"),
    "password_file": read_path,
    "credential": read_pattern(
        r"(?:[A-Za-z0-9._-]|\{treadmill\}){1,200}", 'a name such as "mqtt-password"'
    ),
    "protocol": read_choice(Protocol),
    "prefix": read_pattern(_TOPIC, 'a topic such as "backstride" or "gym/floor-2"'),
    "trust_scalars": read_flag,
    "tls": lambda table: table,  # a section of its own
}
_HOMEASSISTANT: Final[dict[str, Reader]] = {
    "discovery": read_flag,
    "prefix": read_pattern(_TOPIC, 'a topic such as "homeassistant"'),
}
_SITE: Final[dict[str, Reader]] = {
    "name": read_text("home"),
    "max_speed": read_speed(limits.JOG_SPEED),
    "max_incline": read_incline(limits.INCLINE),
    "max_backward_time": read_duration(limits.BACKWARD_TIME),
    "jog": read_flag,
}
_SERVICE: Final[dict[str, Reader]] = {
    "state_directory": read_path,
    "host_name": _HOST,
    "log_format": read_choice(LogFormat),
    "log_level": read_choice(LogLevel),
}
_PROGRAMS: Final[dict[str, Reader]] = {"directory": read_path}
_EXPORT: Final[dict[str, Reader]] = {
    **dict.fromkeys(("fit", "tcx", "csv", "json"), read_flag),
    "directory": read_path,
}
_GUIDANCE: Final[dict[str, Reader]] = {
    "language": read_choice(Language),
    "units": read_choice(Units),
    "technique": read_flag,
}
_WALKER: Final[dict[str, Reader]] = {
    "max_speed": read_speed(limits.JOG_SPEED),
    "max_incline": read_incline(limits.INCLINE),
    "max_backward_time": read_duration(limits.BACKWARD_TIME),
    "max_heart_rate": read_integer(SLOWEST_HEART, FASTEST_HEART),
}
_TREADMILL: Final[dict[str, Reader]] = {
    "id": _ID,
    "name": read_text("Living room"),
    "host": _HOST,
    "address": read_pattern(
        _ADDRESS,
        'a Bluetooth address such as "AA:BB:CC:DD:EE:FF"; `backstride scan` lists those in range',
    ),
    "bluetooth_name": read_text("FS-1234"),
    "adapter": read_pattern(r"[A-Za-z0-9_.:-]{1,32}", 'an adapter such as "hci0"'),
    "virtual": read_text("ideal"),
    "strap": read_pattern(
        rf"(?:{_ADDRESS})|{VIRTUAL}",
        'the Bluetooth address of a heart-rate strap, or "virtual"; `backstride scan` lists straps, too',
    ),
    "belt_start": read_choice(BeltStart),
    "fingerprint": read_text("the one that `backstride watch` shows"),
    "sheet": read_path,
    "pin_file": read_path,
    "max_speed": read_speed(limits.JOG_SPEED),
    "max_incline": read_incline(limits.INCLINE),
    "walker": lambda table: table,  # a section of its own
}
_TOP: Final[dict[str, Reader]] = {
    name: lambda table: table
    for name in (
        "broker",
        "homeassistant",
        "site",
        "service",
        "programs",
        "guidance",
        "export",
        "treadmill",
    )
}
SECTIONS: Final[dict[str, dict[str, Reader]]] = {
    "broker": _BROKER,
    "broker.tls": _TLS,
    "homeassistant": _HOMEASSISTANT,
    "site": _SITE,
    "service": _SERVICE,
    "programs": _PROGRAMS,
    "export": _EXPORT,
    "guidance": _GUIDANCE,
    "treadmill": _TREADMILL,
    "treadmill.walker": _WALKER,
}
"""Every key that there is; the tests hold the example and the types against it."""

_REMEDY: Final = (
    "a secret does not belong here; put it into a file that only the service can read and name that with"
    " `password_file`, or use a systemd credential and name it with `credential`"
)
_NO_PIN: Final = {
    "pin": "a PIN does not belong here; `backstride pin` writes a file with its hash, `pin_file` names it"
}
_SECRETS: Final[tuple[str, ...]] = ("password", "passwd", "pass", "secret", "token")
_NO_SECRETS: Final[dict[str, str]] = dict.fromkeys(_SECRETS, _REMEDY)


def find_config(chosen: str | Path | None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Find the configuration file; None when nothing was chosen and the host has none."""
    named = chosen or (os.environ if environ is None else environ).get(VARIABLE)
    if named:
        return Path(named)
    return SYSTEM_FILE if SYSTEM_FILE.exists() else None


def load_config(chosen: str | Path | None = None) -> Config:
    """Load the configuration; the defaults when nothing was chosen and the host has none.

    Raises:
        ConfigError: it cannot be read or used; all problems at once.
    """
    path = find_config(chosen)
    return Config() if path is None else read_config(path)


def read_config(path: Path) -> Config:
    """Read one file.

    Raises:
        ConfigError: it cannot be read or used; all problems at once.
    """
    values, findings = parse_file(path)
    top = read_section(values, _TOP, findings, "")
    site = Site(**read_section(top.get("site"), _SITE, findings, "site"))
    _check_site(site, findings)
    config = Config(
        broker=_read_broker(top.get("broker"), findings),
        homeassistant=HomeAssistant(
            **read_section(top.get("homeassistant"), _HOMEASSISTANT, findings, "homeassistant")
        ),
        site=site,
        service=Service(**read_section(top.get("service"), _SERVICE, findings, "service")),
        programs=Programs(**read_section(top.get("programs"), _PROGRAMS, findings, "programs")),
        export=Export(**read_section(top.get("export"), _EXPORT, findings, "export")),
        guidance=Guidance(**read_section(top.get("guidance"), _GUIDANCE, findings, "guidance")),
        file=str(path),
    )
    if "treadmill" in top:
        config = replace(config, treadmills=read_treadmills(top["treadmill"], findings))
    findings.check()
    return config


def _check_site(site: Site, findings: Findings) -> None:
    if site.max_speed > limits.WALK_SPEED and not site.jog:
        findings.add(
            "site.max_speed",
            f"is {show_speed(site.max_speed)}, above {show_speed(limits.WALK_SPEED)}, the fastest"
            " backward walk; lower it, or unlock the jog with `jog = true`",
        )


def _read_broker(table: object, findings: Findings) -> Broker:
    read = read_section(table, _BROKER, findings, "broker", _NO_SECRETS)
    if "tls" in read:
        tls = Tls(**read_section(read["tls"], _TLS, findings, "broker.tls"))
        if (tls.cert is None) is not (tls.key is None):
            findings.add("broker.tls", "`cert` and `key` go together; write both or neither")
        read["tls"] = tls
        read.setdefault("port", TLS_PORT)
    if ("password_file" in read or "credential" in read) and "user" not in read:
        findings.add("broker", 'has a password but no `user`; add for example user = "backstride"')
    return Broker(**read)


def read_treadmills(tables: object, findings: Findings) -> tuple[Treadmill, ...]:
    """Read the tables of all treadmills; what is wrong with one, or with two together, is noted."""
    if not isinstance(tables, list) or not tables:
        findings.add("treadmill", "each treadmill is a table of its own: [[treadmill]]")
        return ()
    hosts = Counter(str(t.get("host", "")) for t in tables if isinstance(t, dict))
    host, most = hosts.most_common(1)[0] if hosts else ("", 0)
    if most > MOST_TREADMILLS:
        whose = f" of {host}" if host else ""
        findings.add("treadmill", f"there are {most}{whose}; one daemon takes {MOST_TREADMILLS}")
        return ()
    treadmills: list[Treadmill] = []
    for number, table in enumerate(tables, 1):
        name = f"treadmill[{number}]"
        treadmill = _read_treadmill(table, findings, name, alone=len(tables) == 1)
        for other in treadmills:
            for key in ("id", "address", "bluetooth_name", "strap"):
                value = getattr(treadmill, key)
                if value not in {None, VIRTUAL} and value == getattr(other, key):
                    findings.add(
                        f"{name}.{key}", f"is {value!r}, as of another one; each has its own"
                    )
        treadmills.append(treadmill)
    return tuple(treadmills)


def _read_treadmill(table: object, findings: Findings, name: str, *, alone: bool) -> Treadmill:
    read: dict[str, Any] = read_section(table, _TREADMILL, findings, name, _NO_PIN)
    if "walker" in read:
        read["walker"] = Walker(**read_section(read["walker"], _WALKER, findings, f"{name}.walker"))
    if "id" not in read and not (isinstance(table, dict) and "id" in table):
        findings.add(f"{name}.id", 'is missing; write for example id = "living-room"')
    # A placeholder while problems are collected: it never leaves this module.
    read.setdefault("id", name)
    read.setdefault("name", read["id"])
    for key in {"address", "strap"} & read.keys():
        read[key] = read[key] if read[key] == VIRTUAL else read[key].upper()
    ways = [key for key in ("address", "bluetooth_name", "virtual") if key in read]
    if len(ways) > 1:
        findings.add(f"{name}.{ways[1]}", f"goes not together with `{ways[0]}`; write one of them")
    if not ways and not alone:
        findings.add(
            name,
            "with several treadmills each needs `address` or `bluetooth_name`;"
            " `backstride scan` lists those in range",
        )
    if "virtual" in read and "sheet" in read:
        findings.add(f"{name}.sheet", "goes not with `virtual`: a virtual machine needs no sheet")
    if "virtual" in read or "sheet" in read:
        # As far as the sheet proves it: `commissioned` looks, where the machine is put to work.
        read.setdefault("belt_start", BeltStart.REMOTE)
    return Treadmill(**read)


def state_directory(config: Config, environ: Mapping[str, str] | None = None) -> Path:
    """Where the daemon keeps what must survive it: configured, else systemd's, else the user's own."""
    env = os.environ if environ is None else environ
    if config.service.state_directory:
        return Path(config.service.state_directory)
    if given := env.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd joins several with colons
    if config.file == str(SYSTEM_FILE):
        return SYSTEM_STATE  # whoever commissions or replays by hand means the service's
    base = env.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "backstride"


__all__ = [
    "SECTIONS", "SYSTEM_FILE", "SYSTEM_STATE", "VARIABLE", "Broker", "Config", "Guidance",
    "HomeAssistant", "LogFormat", "LogLevel", "Programs", "Protocol", "Service", "Site", "Tls",
    "Treadmill", "Walker", "find_config", "load_config", "read_config", "state_directory",
]  # fmt: skip
