"""Who may do what at the broker, as data, and the access list that says so.

Theory of operation
-------------------
Every name at the broker has one role. A role is a list of topics to read and to write; mosquitto refuses
everything else, without a word to whoever publishes with QoS 0.

- A treadmill's daemon speaks for itself only: nobody else may write what it says, and it may not write
  what another one says. It may write its own commands, so that `backstride stop` on its host works with
  its own certificate or password.
- Only the daemon reads the commands. A command to start may carry a PIN.
- Nobody's rules have a wildcard where a treadmill's own name can stand, and no rule is a pattern of
  mosquitto's: a pattern holds for every user, so a screen on the wall called `wall` could speak for a
  treadmill called `wall`.

The access list is text that people may edit. Each name has a paragraph of its own, so that adding and
taking away a name touches nothing else. Its form is the same in mosquitto 2.0 and 2.1.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct

PERSONAL: Final = ("history", "walkers", "plan")
"""What names those who walk: not for a screen that everybody sees, and not for anybody outside the house.

What the other topics say of whoever walks has no name in it: a heart rate with its ceiling, the limits in
force and the programs above a level. Whoever reads `state`, `info` and `programs` reads that.
"""
ANSWERS: Final = ("response", "response/+")
"""What was answered to whoever asked."""
OUTWARD: Final = (
    "availability",
    "connection",
    "info",
    "programs",
    "state",
    "session",
    "health",
    *PERSONAL,
    "event",
    "cue",
    *ANSWERS,
)
"""What a daemon says, below its prefix; a response topic of one's own is a level below `response`."""
INWARD: Final = ("command", "command/+")
"""What it listens to."""
STOP: Final = "command/stop"
"""The only one of these that comes in from outside the site."""
BRIDGED: Final = tuple(name for name in OUTWARD if name not in {"cue", "response/+", *PERSONAL})
"""What a bridge tells a hub: not who walked, nor what they are told, nor what was answered to somebody's own
topic. `response` is in it: only its answer confirms a Stop for a belt that rests already.
"""
DISCOVERY: Final = "homeassistant"
"""First level of Home Assistant's discovery topics."""
BIRTH: Final = f"{DISCOVERY}/status"
"""Home Assistant says here that it is there; discovery is published again then."""


class Role(StrEnum):
    """What somebody is at the broker."""

    DAEMON = "daemon"
    """One treadmill's daemon: speaks for it and takes its commands."""
    COACH = "coach"
    """Sees and commands treadmills: people, and the page on their phones."""
    WALL = "wall"
    """A screen on the wall: sees, and commands nothing; so no answer is for it."""
    HOMEASSISTANT = "homeassistant"
    """Sees and commands, reads discovery, says that it is there."""
    NODERED = "node-red"
    """As a coach."""
    SITE = "site"
    """At a hub: the bridge of one gym's broker. It tells what its treadmills say, and hears `stop`."""
    OFFICE = "office"
    """At a hub: sees the treadmills of all sites, and stops them. It starts nothing."""


class Access(StrEnum):
    """In mosquitto's words."""

    READ = "read"
    WRITE = "write"
    BOTH = "readwrite"


class Rule(Struct, frozen=True):
    """One line of the access list."""

    access: Access
    topic: str


def rules(role: Role, prefix: str, treadmills: tuple[str, ...]) -> tuple[Rule, ...]:
    """What a role may do.

    Args:
        role: the role.
        prefix: first levels of the topics, before a treadmill's id.
        treadmills: which ones; none means all of them. A daemon has exactly one. At a hub: which sites; a
            site has exactly itself.
    """
    whose = tuple(f"{prefix}/{treadmill}" for treadmill in treadmills or ("+",))
    seen = tuple(Rule(Access.READ, f"{who}/{name}") for who in whose for name in OUTWARD)
    commands = tuple(Rule(Access.WRITE, f"{who}/{name}") for who in whose for name in INWARD)
    match role:
        case Role.DAEMON:
            (treadmill,) = treadmills
            (who,) = whose
            return (
                *(Rule(Access.BOTH, f"{who}/{name}") for name in (*OUTWARD, *INWARD)),
                Rule(Access.BOTH, discovery_topic(treadmill)),
                Rule(Access.READ, BIRTH),
            )
        case Role.COACH | Role.NODERED:
            return seen + commands
        case Role.WALL:
            private = {f"{who}/{name}" for who in whose for name in (*PERSONAL, *ANSWERS)}
            return tuple(rule for rule in seen if rule.topic not in private)
        case Role.SITE:
            (site,) = whose
            told = tuple(Rule(Access.WRITE, f"{site}/+/{name}") for name in BRIDGED)
            return (*told, Rule(Access.READ, f"{site}/+/{STOP}"))
        case Role.OFFICE:
            told = tuple(Rule(Access.READ, f"{who}/+/{name}") for who in whose for name in BRIDGED)
            return (*told, *(Rule(Access.WRITE, f"{who}/+/{STOP}") for who in whose))
        case Role.HOMEASSISTANT:
            return (
                *seen,
                *commands,
                Rule(Access.READ, f"{DISCOVERY}/#"),
                Rule(Access.WRITE, BIRTH),
            )
        case _:
            assert_never(role)


def discovery_topic(treadmill: str) -> str:
    """Where a treadmill's daemon tells Home Assistant what it is."""
    return f"{DISCOVERY}/device/{treadmill}/config"


def write_paragraph(name: str, role: Role, granted: tuple[Rule, ...]) -> str:
    """Write one name's part of the access list."""
    lines = [f"# {name}: {role}", f"user {name}"]
    lines += [f"topic {rule.access} {rule.topic}" for rule in granted]
    return "\n".join(lines) + "\n"


def add_paragraph(acl: str, paragraph: str) -> str:
    """Add a name's part at the end of an access list."""
    return f"{acl.rstrip()}\n\n{paragraph}" if acl.strip() else paragraph


def take_out(acl: str, name: str) -> str:
    """Take a name's part out of an access list; the rest stays as it is, whoever wrote it."""
    kept: list[str] = []
    inside = False
    for line in acl.splitlines():
        words = line.split()
        if words[:1] == ["user"]:
            inside = words[1:] == [name]
        # To mosquitto a part goes on until the next `user`. A line of it that stayed would be the
        # right of whoever stands before it.
        theirs = inside and words[:1] in ([], ["user"], ["topic"])
        if not theirs and not line.startswith(f"# {name}: "):
            kept.append(line)
    return "\n".join(kept).strip() + "\n"
