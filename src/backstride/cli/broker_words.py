"""What `backstride broker` says: what was made, what to do with it, until when it is good, how to undo it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table

from backstride.cli.terminal import make_console, tell

if TYPE_CHECKING:
    from backstride.provisioning.drafts import Draft, Newcomer
    from backstride.provisioning.house import House
    from backstride.provisioning.roles import Role


def explain_init(house: House, draft: Draft, version: str | None) -> None:
    """After `init`."""
    from backstride.provisioning.daemon import PLACE

    there = house.directory
    names = house.names()
    tell(f"The broker's files for a {house.kind} are in {there}.")
    show_passwords(draft)
    flavour = version if version in {"2.0", "2.1"} else "2.0"
    conf = there / "broker" / f"mosquitto-{flavour}.conf"
    found = f"this host has mosquitto {version}" if version else "for 2.1 take mosquitto-2.1.conf"
    tell("\nWhat to do next")
    tell(f"1. Let mosquitto read it ({found}), and start it anew:")
    tell(f"     ln -s {conf} /etc/mosquitto/conf.d/backstride.conf")
    tell("     systemctl restart mosquitto")
    tell(
        f"2. Copy the files of each treadmill to its host, into {PLACE} (mkdir -p), for the service"
    )
    tell("   alone:")
    for name in (name for name, role in names.items() if role == "daemon"):
        tell(f"     {there / 'treadmills' / name}/")
    tell(f"     chown root:backstride {PLACE}/*; chmod 640 {PLACE}/*")
    tell(
        "   In its /etc/backstride/backstride.toml put the lines of broker.toml in the place of [broker]"
    )
    tell(
        "   and [broker.tls], then: systemctl restart backstride. Port 1883 is closed from then on."
    )
    tell(f"3. Machines find their part in {there / 'machines'}.")
    known = there / "authority" / "ca.pem"
    tell(f"4. Phones and tablets must trust {known} (send it to them and install it) to use")
    tell(f"   wss://{house.hosts[0]}:{house.listeners.websockets}.")
    tell(f"5. Keep a copy of {there / 'authority' / 'ca.key'} elsewhere, and nobody else near it:")
    tell("   whoever has it can make treadmills. The broker does not need it.")
    _show_expiries(house)
    tell(
        "\nTo undo all of it: remove the link in /etc/mosquitto/conf.d, restart mosquitto, and remove"
        f" {there}."
    )


def explain_add(house: House, newcomer: Newcomer, draft: Draft) -> None:
    """After `add` and `add-treadmill`."""
    which = ", ".join(newcomer.treadmills) or "all treadmills"
    tell(f"{newcomer.name} has access as {newcomer.role}: {which}.")
    show_passwords(draft)
    place = house.find(newcomer.name)
    if place is not None:
        tell(f"Their files are in {place}.")
    tell("Let mosquitto read the change: systemctl reload mosquitto")
    if newcomer.name in house.expiries():
        tell(f"The certificate is good until {_day(house.expiries()[newcomer.name])}.")
    tell(f"To undo it: backstride broker revoke {newcomer.name} --directory {house.directory}")


def explain_revoke(house: House, name: str, role: Role | None) -> None:
    """After `revoke`."""
    tell(f"{name} has no access any more, and their files here are gone.")
    tell("It counts when mosquitto was started anew, which also ends their present connection;")
    tell("a belt that moves holds its speed until the broker is back: systemctl restart mosquitto")
    again = f"add-treadmill {name}" if role == "daemon" else f"add {name} --role {role}"
    tell(
        "It cannot be undone, but new access can be given:"
        f" backstride broker {again} --directory {house.directory}"
    )


def explain_renew(house: House, draft: Draft, within: int) -> None:
    """After `renew`."""
    paths = [write.path for write in draft.plan.writes if write.replace]
    if not paths:
        tell(f"Nothing expires within {within} days; nothing was changed.")
    else:
        tell("New certificates, for the same keys; the old ones are good until they expire:")
        for path in paths:
            tell(f"  {path}")
        tell(
            "Copy each to where the old one is used; for the broker's own: systemctl restart mosquitto"
        )
    _show_expiries(house)


def explain_list(house: House, now: datetime) -> None:
    """For `list`."""
    from backstride.provisioning.authority import expiry

    expiries = house.expiries()
    table = Table("name", "role", "proves it with", "good until", box=None, pad_edge=False)
    root = expiry((house.directory / "authority" / "ca.pem").read_bytes())
    table.add_row("authority", "", "", _remaining(root, now))
    table.add_row("server", "broker", "certificate", _remaining(expiries["server"], now))
    for name, role in house.names().items():
        expires = expiries.get(name)
        table.add_row(
            name,
            role,
            "password" if expires is None else "certificate",
            "until revoked" if expires is None else _remaining(expires, now),
        )
    make_console().print(table)


def show_passwords(draft: Draft) -> None:
    """What is in no file."""
    for name, password in draft.shown.items():
        tell(
            "\nThe page asks for a name and a password. They are shown this once; no file has them:"
        )
        tell(f"     name      {name}")
        tell(f"     password  {password}")


def _show_expiries(house: House) -> None:
    expiries = house.expiries()
    first = min(expiries.values())
    tell(
        f"\nThe first certificate expires on {_day(first)}; after that its owner is refused. In time,"
    )
    tell(f"for example every month: backstride broker renew --directory {house.directory}")


def _remaining(expires: datetime, now: datetime) -> str:
    days = (expires - now).days
    return f"{_day(expires)} ({days} days)" if days >= 0 else f"{_day(expires)} (EXPIRED)"


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
