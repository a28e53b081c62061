"""Changes to a house's broker, each drafted as a plan: set up, add, revoke, renew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.provisioning import authority, passwords, roles
from backstride.provisioning.authority import Authority
from backstride.provisioning.daemon import write_daemon_lines
from backstride.provisioning.house import RECORD, SERVER, House
from backstride.provisioning.mosquitto import Flavour, Kind, write_configuration
from backstride.provisioning.plan import PUBLIC, Move, Plan, ProvisioningError, Write
from backstride.provisioning.roles import Role

RENEW_WITHIN: Final = timedelta(days=90)
"""What expires sooner is renewed: time enough to carry files to a gym's treadmills."""
PEOPLE: Final = {Kind.HOME: "people", Kind.GYM: "coach"}
"""The name with which people log in; its password is in no file."""
RESERVED: Final = frozenset({*PEOPLE.values(), *(role.value for role in Role), SERVER})
"""Names that no treadmill can have."""
_MACHINES: Final = {
    Kind.HOME: (Role.WALL, Role.HOMEASSISTANT, Role.NODERED),
    Kind.GYM: (Role.WALL,),
}
"""Who gets access from the beginning, besides treadmills and people."""


class Newcomer(Struct, frozen=True, kw_only=True):
    """Somebody who gets access; to all treadmills, if none is named.

    `certificate` None: as it is usual for this role in this kind of house.
    """

    name: str
    role: Role
    treadmills: tuple[str, ...] = ()
    certificate: bool | None = None


class Draft(Struct, frozen=True):
    """A plan, and the passwords by name that are shown once because no file keeps them."""

    plan: Plan
    shown: dict[str, str] = {}


def draft_init(house: House, treadmills: tuple[str, ...], plugins: Path, now: datetime) -> Draft:
    """Plan everything: authority, broker, treadmills, people.

    Raises:
        ProvisioningError: a treadmill has a name that belongs to somebody else.
    """
    ca = Authority.make(f"Backstride {house.kind} {house.hosts[0]}"[:64], now)
    newcomers = (
        *(Newcomer(name=name, role=Role.DAEMON, treadmills=(name,)) for name in treadmills),
        Newcomer(name=PEOPLE[house.kind], role=Role.COACH),
        *(Newcomer(name=role.value, role=role) for role in _MACHINES[house.kind]),
    )
    given = [_give_access(house, ca, newcomer, now) for newcomer in newcomers]
    acl = ""
    for access in given:
        acl = roles.add_paragraph(acl, access.paragraph)
    writes = (
        *_write_broker(house, ca, plugins, now),
        _broker(house.files.passwords, "".join(access.entry for access in given).encode()),
        _broker(house.files.acl, acl.encode()),
        *(write for access in given for write in access.writes),
        # Last: a directory without it is not set up.
        Write(path=house.directory / RECORD, content=house.write_record().encode(), mode=PUBLIC),
    )
    shown = {name: password for access in given for name, password in access.shown.items()}
    return Draft(Plan(writes=writes), shown)


def draft_add(house: House, newcomers: Sequence[Newcomer], now: datetime) -> Draft:
    """Plan access for some more.

    Raises:
        ProvisioningError: a name is taken, or cannot be had.
    """
    there = house.names()
    for name in (each.name for each in newcomers if each.name in there):
        raise ProvisioningError(
            f"{name!r} is there already; `backstride broker revoke {name}` takes it away"
        )
    ca = house.load_authority(now)
    given = [_give_access(house, ca, newcomer, now) for newcomer in newcomers]
    files = house.files
    acl = files.acl.read_text(encoding="utf-8")
    for access in given:
        acl = roles.add_paragraph(acl, access.paragraph)
    entries = files.passwords.read_text(encoding="utf-8") + "".join(each.entry for each in given)
    writes = (
        *(write for access in given for write in access.writes),
        _broker(files.passwords, entries.encode(), replace=True),
        _broker(files.acl, acl.encode(), replace=True),
    )
    shown = {name: password for each in given for name, password in each.shown.items()}
    return Draft(Plan(writes=writes), shown)


def draft_revoke(house: House, name: str, now: datetime) -> Draft:
    """Plan to take a name's access away: its certificates, its password, its rights.

    Raises:
        ProvisioningError: nobody has this name.
    """
    if name not in house.names():
        known = ", ".join(house.names()) or "nobody"
        raise ProvisioningError(f"{name!r} is not there; there are {known}")
    files = house.files
    theirs = house.issued_to(name)
    entries = passwords.take_out(files.passwords.read_text(encoding="utf-8"), name)
    acl = roles.take_out(files.acl.read_text(encoding="utf-8"), name)
    place = house.find(name)
    plan = Plan(
        writes=(
            *_revocations(house, theirs, now),
            _broker(files.passwords, entries.encode(), replace=True),
            _broker(files.acl, acl.encode(), replace=True),
        ),
        moves=tuple(Move(path, house.revoked / path.name) for path in theirs),
        removals=() if place is None else (place,),
    )
    return Draft(plan)


def _revocations(house: House, theirs: Sequence[Path], now: datetime) -> tuple[Write, ...]:
    """The new list of what is revoked. Who has a password only needs none, nor the authority's key."""
    if not theirs:
        return ()
    gone = [*sorted(house.revoked.glob("*.pem")), *theirs]
    certificates = tuple(authority.from_pem(path.read_bytes()) for path in gone)
    listed = house.load_authority(now).revoke(certificates, now)
    return (_broker(house.files.revoked, listed, replace=True),)


def draft_renew(house: House, now: datetime, within: timedelta = RENEW_WITHIN) -> Draft:
    """Plan new certificates, with the old keys, in place of those that expire soon."""
    writes: list[Write] = []
    for name, expires in house.expiries().items():
        place = house.find(name)
        if expires - now > within or (place is None and name != SERVER):
            continue
        ca = house.load_authority(now)
        if place is None:
            key = house.files.key.read_bytes()
            new = ca.issue_server(house.hosts, now, key)
            writes.append(_broker(house.files.certificate, new.certificate, replace=True))
        else:
            new = ca.issue_client(name, now, (place / f"{name}.key").read_bytes())
            path = place / f"{name}.pem"
            writes.append(Write(path=path, content=new.certificate, mode=PUBLIC, replace=True))
        writes.append(_register(house, name, new.certificate))
    return Draft(Plan(writes=tuple(writes)))


class _Access(Struct, frozen=True, kw_only=True):
    """What one newcomer brings: files, a line of the passwords, a part of the access list."""

    paragraph: str
    writes: tuple[Write, ...] = ()
    entry: str = ""
    shown: dict[str, str] = {}


def _write_broker(house: House, ca: Authority, plugins: Path, now: datetime) -> tuple[Write, ...]:
    """What the authority keeps, and what mosquitto reads but for passwords and access list."""
    files = house.files
    server = ca.issue_server(house.hosts, now)
    place = house.directory / "authority"
    return (
        Write(path=place / "ca.key", content=ca.identity.key),
        Write(path=place / "ca.pem", content=ca.identity.certificate, mode=PUBLIC),
        _register(house, SERVER, server.certificate),
        _broker(files.authority, ca.identity.certificate),
        _broker(files.certificate, server.certificate),
        _broker(files.key, server.key),
        _broker(files.revoked, ca.revoke((), now)),
        *(
            _broker(
                files.configuration(flavour),
                write_configuration(house.kind, flavour, files, house.listeners, plugins).encode(),
            )
            for flavour in Flavour
        ),
    )


def _give_access(house: House, ca: Authority, newcomer: Newcomer, now: datetime) -> _Access:
    name, role = newcomer.name, newcomer.role
    if name == SERVER or (role is Role.DAEMON and name in RESERVED):
        raise ProvisioningError(
            f"{name!r} is somebody else's name at the broker; choose another one"
        )
    paragraph = roles.write_paragraph(
        name, role, roles.rules(role, house.prefix, newcomer.treadmills)
    )
    if _is_certified(house, newcomer):
        return _certify(house, ca, newcomer, paragraph, now)
    password = passwords.make_password()
    entry = passwords.write_entry(name, password)
    if role is Role.COACH:
        # A person: nothing lies about.
        return _Access(paragraph=paragraph, entry=entry, shown={name: password})
    path = house.place_of(name, role) / f"{name}.password"
    writes = (*_guide(house, ca, newcomer), Write(path=path, content=f"{password}\n".encode()))
    return _Access(paragraph=paragraph, entry=entry, writes=writes)


def _is_certified(house: House, newcomer: Newcomer) -> bool:
    match house.kind, newcomer.certificate:
        case Kind.HOME, True:
            raise ProvisioningError(
                "at a home's broker everybody has a password; leave the certificate out"
            )
        case Kind.HOME, _:
            return False
        case _, None:
            # People come with a browser, in which a certificate is a nuisance.
            return newcomer.role not in {Role.COACH, Role.WALL}
        case _, wanted:
            return wanted


def _certify(
    house: House, ca: Authority, newcomer: Newcomer, paragraph: str, now: datetime
) -> _Access:
    name = newcomer.name
    own = ca.issue_client(name, now)
    place = house.place_of(name, newcomer.role)
    writes = (
        *_guide(house, ca, newcomer),
        Write(path=place / f"{name}.pem", content=own.certificate, mode=PUBLIC),
        Write(path=place / f"{name}.key", content=own.key),
        _register(house, name, own.certificate),
    )
    return _Access(paragraph=paragraph, writes=writes)


def _guide(house: House, ca: Authority, newcomer: Newcomer) -> tuple[Write, ...]:
    """What everybody needs to find the broker and to know it."""
    place = house.place_of(newcomer.name, newcomer.role)
    known = Write(path=place / "ca.pem", content=ca.identity.certificate, mode=PUBLIC)
    if newcomer.role is not Role.DAEMON:
        return (known,)
    lines = write_daemon_lines(house.kind, house.hosts[0], house.listeners.tls, house.prefix)
    return known, Write(path=place / "broker.toml", content=lines.encode(), mode=PUBLIC)


def _register(house: House, name: str, certificate: bytes) -> Write:
    path = house.issued / f"{name}-{authority.serial(certificate)}.pem"
    return Write(path=path, content=certificate, mode=PUBLIC)


def _broker(path: Path, content: bytes, *, replace: bool = False) -> Write:
    return Write(path=path, content=content, replace=replace, broker=True)
