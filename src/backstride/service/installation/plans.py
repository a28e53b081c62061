"""What makes Backstride a service of a host, and what unmakes it: lists of steps, nothing done yet.

The Debian package does the same with dpkg's means (tools/deb.py, tools/debian); a host has one of the two.
Files of an administrator's installation go where systemd looks for them first, below /etc and /usr/local.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.service.installation.steps import Remove, Run, Step, Write

PACKAGED: Final = "/opt/backstride/bin/backstride"
"""The command in the shipped units: the package's."""
UNITS: Final = Path("etc/systemd/system")
CONFIGURATION: Final = Path("etc/backstride/backstride.toml")
WATCHDOG: Final = Path("etc/systemd/system.conf.d/backstride-watchdog.conf")
STATE: Final = Path("var/lib/backstride")
SPEAKER_CACHE: Final = Path("var/cache/backstride-speaker")
COMPLETIONS: Final[Mapping[str, Path]] = {
    "bash": Path("usr/local/share/bash-completion/completions/backstride"),
    "zsh": Path("usr/local/share/zsh/site-functions/_backstride"),
    "fish": Path("usr/local/share/fish/vendor_completions.d/backstride.fish"),
}
_SHIPPED: Final[Mapping[str, Path]] = {
    "sysusers.d/backstride.conf": Path("etc/sysusers.d/backstride.conf"),
    "tmpfiles.d/backstride.conf": Path("etc/tmpfiles.d/backstride.conf"),
}


class Origin(Struct, frozen=True, kw_only=True):
    """What is installed: the shipped files, the command that the units start, completions by shell."""

    files: Path
    command: str
    completions: Mapping[str, str]


def plan_install(origin: Origin, root: Path) -> list[Step]:
    """User, directories, units, completions, and a configuration where there is none. Starts nothing.

    What runs already is started again with the new units: nobody walks, or this is not asked for.
    """
    units = sorted(origin.files.glob("*.service"))
    steps: list[Step] = [
        Write(path=root / place, text=_read(origin.files / name))
        for name, place in _SHIPPED.items()
    ]
    steps += [
        Write(
            path=root / UNITS / unit.name,
            text=_read(unit).replace(PACKAGED, origin.command),
        )
        for unit in units
    ]
    configuration = root / CONFIGURATION
    steps.append(Write(path=configuration, text=_read(origin.files / "backstride.toml"), keep=True))
    steps += [
        Write(path=root / COMPLETIONS[shell], text=text)
        for shell, text in origin.completions.items()
    ]
    inside = () if root == Path("/") else (f"--root={root}",)
    steps += [
        Run(words=("systemd-sysusers", *inside, "backstride.conf")),
        Run(words=("systemd-tmpfiles", *inside, "--create", "backstride.conf")),
    ]
    if not inside:
        steps += [
            Run(words=("systemctl", "daemon-reload")),
            Run(words=("systemctl", "try-restart", *_running(units)), may_fail=True),
        ]
    return steps


def plan_watchdog(origin: Origin, root: Path) -> list[Step]:
    """The computer's own watchdog, which restarts it when the kernel hangs."""
    text = _read(origin.files / "examples/hardware-watchdog.conf")
    steps: list[Step] = [Write(path=root / WATCHDOG, text=text)]
    if root == Path("/"):
        steps.append(Run(words=("systemctl", "daemon-reexec")))
    return steps


def plan_undo(origin: Origin, root: Path, *, purge: bool) -> list[Step]:
    """Everything that `plan_install` and `plan_watchdog` made; data and configuration only with `purge`."""
    live = root == Path("/")
    units = sorted(origin.files.glob("*.service"))
    steps: list[Step] = []
    if live:
        steps.append(Run(words=("systemctl", "stop", *_running(units)), may_fail=True))
    # What `systemctl enable` made.
    wants = sorted((root / UNITS).glob("*.wants/backstride*.service"))
    places = [*wants, *(root / UNITS / unit.name for unit in units)]
    places += [root / place for place in COMPLETIONS.values()]
    if (root / WATCHDOG).exists():
        places.append(root / WATCHDOG)
    places += [root / place for place in _SHIPPED.values()]
    if purge:
        places += [root / STATE, root / CONFIGURATION.parent, root / SPEAKER_CACHE]
        for secret in ("backstride.mqtt-password*", "backstride.exporter-key"):
            places += sorted((root / "etc/credstore").glob(secret))
    steps += [Remove(place) for place in places]
    if purge:
        prefix = () if live else ("--prefix", str(root))
        steps.append(Run(words=("userdel", *prefix, "backstride"), may_fail=True))
    if live:
        steps.append(Run(words=("systemctl", "daemon-reload")))
    return steps


def _running(units: list[Path]) -> list[str]:
    """The units by the names under which they run: a template's are many."""
    return [unit.name.replace("@.", "@*.") for unit in units]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
