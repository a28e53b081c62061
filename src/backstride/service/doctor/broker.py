"""The broker: is it there, does it let us in, and may each treadmill say and hear what is its own?"""

from __future__ import annotations

import asyncio
import socket
from typing import Final, assert_never

from backstride.domain.units import SECOND, Ms
from backstride.mqtt.probe import Reception, Rights, Welcome, probe
from backstride.mqtt.remoteclient import RemoteSettings
from backstride.mqtt.settings import Tls
from backstride.service.config import Broker, Config
from backstride.service.configreader import ConfigError
from backstride.service.doctor.findings import (
    SUDO,
    Finding,
    Place,
    Subject,
    in_thread,
    note,
    ok,
    problem,
)
from backstride.service.doctor.secrets import find_password

RESOLVE: Final[Ms] = 4 * SECOND
_BROKER: Final = Subject.BROKER
_AT_ONCE: Final = 8
"""A gym's treadmills are not looked at all together: a broker may take that for a flood."""


async def check_broker(place: Place, config: Config) -> list[Finding]:
    """Try the broker as each of our names there; all treadmills at once where they share one."""
    host = config.broker.host
    try:
        async with asyncio.timeout(RESOLVE / SECOND):
            await in_thread(lambda: socket.getaddrinfo(host, config.broker.port))
    except (OSError, UnicodeError, TimeoutError):
        remedy = "correct `host` in [broker], or write the broker's IP address there"
        return [problem(_BROKER, f"the name {host!r} leads to no address", remedy)]
    ids = [treadmill.id for treadmill in config.treadmills]
    groups = [(one,) for one in ids] if config.broker.distinguishes else [tuple(ids)]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def look(group: tuple[str, ...]) -> list[Finding]:
        async with turn:
            return await _look(place, config.broker.of(group[0]), group)

    found = await asyncio.gather(*(look(group) for group in groups))
    # A broker that is not there is not there for all of them: said once.
    return list(dict.fromkeys(finding for part in found for finding in part))


async def _look(place: Place, broker: Broker, treadmills: tuple[str, ...]) -> list[Finding]:
    untried = f"the login as {broker.user!r} was not tried: its password"
    try:
        password = await in_thread(lambda: find_password(place, broker))
    except PermissionError:
        missing = note(_BROKER, f"{untried} is not for this user to read", SUDO)
    except ConfigError:
        missing = note(
            _BROKER, f"{untried} cannot be used", "mend it as told below, and look again"
        )
    else:
        reception = await probe(_settings(broker, broker.user, password), treadmills)
        rights = [_rights(broker, one, has) for one, has in reception.rights.items()]
        return [_welcome(broker, reception), *rights]
    # Whether it is there at all, and who it is, can be told without a name.
    reception = await probe(_settings(broker, None, None), ())
    if reception.welcome in {Welcome.UNREACHABLE, Welcome.UNTRUSTED}:
        return [_welcome(broker, reception), missing]
    return [ok(_BROKER, f"{broker.host}:{broker.port} answers"), missing]


def _settings(broker: Broker, user: str | None, password: str | None) -> RemoteSettings:
    tls = broker.tls
    return RemoteSettings(
        host=broker.host,
        port=broker.port,
        user=user,
        password=password,
        tls=None if tls is None else Tls(ca=tls.ca, certificate=tls.cert, key=tls.key),
        prefix=broker.prefix,
        protocol=broker.protocol.value,
    )


def _welcome(broker: Broker, reception: Reception) -> Finding:
    where = f"{broker.host}:{broker.port}"
    who = "without a name" if broker.user is None else f"as {broker.user!r}"
    match reception.welcome:
        case Welcome.IN:
            secured = "TLS" if broker.tls else "no TLS"
            return ok(_BROKER, f"{where} lets us in {who} (MQTT {reception.protocol}, {secured})")
        case Welcome.REFUSED:
            what = f"{where} does not let us in {who} ({reception.detail})"
            remedy = _regain(broker)
        case Welcome.UNTRUSTED:
            what = f"no TLS with {where} ({reception.detail})"
            remedy = (
                "check in [broker]: `port` is the broker's TLS port (as a rule 8883), `host` stands in its"
                " certificate, and `ca` in [broker.tls] is the file of the authority that signed it"
            )
        case Welcome.UNREACHABLE:
            what = f"{where} cannot be reached ({reception.detail})"
            remedy = (
                "sudo apt install mosquitto && sudo systemctl enable --now mosquitto"
                if broker.host in {"localhost", "127.0.0.1", "::1"}
                else "check `host` and `port` in [broker], that the broker runs and listens to the network,"
                f" and its firewall: nc -vz {broker.host} {broker.port}"
            )
        case _:
            assert_never(reception.welcome)
    return problem(_BROKER, what, remedy)


def _regain(broker: Broker) -> str:
    """How we get in again. What our own broker asks for is made there and copied here."""
    if broker.user is None:
        return "give us access at the broker and name it here with `user` and `password_file`"
    if broker.credential is not None:
        return "sudo backstride setup, with the password that the broker knows"
    return (
        f"set the password of our file at the broker (mosquitto_passwd); where `backstride broker init` made"
        f" it, copy its treadmills/{broker.user}/* into /etc/backstride/broker anew"
    )


def _rights(broker: Broker, treadmill: str, rights: Rights) -> Finding:
    below, user = f"{broker.prefix}/{treadmill}", broker.user or "anonymous users"
    if not rights.listens:
        remedy = f"add for {user} to the broker's access list: topic readwrite {below}/command/#"
        return problem(_BROKER, f"{treadmill}: we may not read {below}/command", remedy)
    if rights.writes is False:
        remedy = f"add for {user} to the broker's access list: topic readwrite {below}/#"
        return problem(_BROKER, f"{treadmill}: we may not write below {below}", remedy)
    if not rights.reads:
        # An access list that lets us subscribe and then delivers nothing looks like this.
        remedy = f"see that the broker's access list has for {user}: topic readwrite {below}/#"
        what = f"{treadmill}: what we write below {below} does not come back to us"
        return problem(_BROKER, f"{what}, so commands may not come either", remedy)
    return ok(_BROKER, f"{treadmill}: we may write and read below {below}")
