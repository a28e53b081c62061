"""What README tells a person to type, from a package to a running daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tools.vm.home import CONFIG, Belt, Home

PROGRAMS: Final = "/etc/backstride/programs"
INSTALL_S: Final = 300.0
LONG: Final = """\
name: Long
goal: a belt that moves for as long as a fault needs
level: beginner
max speed: 1.5 km/h
steps:
  - warmup: 10 min
    facing: forward
    speed: 1.5 km/h
  - cooldown: 30 s
    speed: 1.0 km/h
"""
SHORT: Final = """\
name: Short
goal: a whole session that is soon over
level: beginner
max speed: 1.5 km/h
steps:
  - warmup: 15 s
    facing: forward
    speed: 1.0 km/h
  - turn: backward
  - work: 15 s
    speed: 1.2 km/h
  - turn: forward
  - cooldown: 10 s
    speed: 0.8 km/h
"""


async def install(home: Home, package: Path) -> None:
    """Install, find the treadmill, configure, check and start, by the commands of README."""
    run = home.guest.run
    belt = home.belts["treadmill"]
    await home.guest.put(package, f"/home/walker/{package.name}")
    said = await run(
        f"cd /home/walker && DEBIAN_FRONTEND=noninteractive apt-get install -y -q ./{package.name}",
        timeout=INSTALL_S,
    )
    if "systemctl enable --now backstride" not in said:
        raise AssertionError(f"installing does not say what to do next: {said}")
    if await home.unit("ActiveState") != "inactive":
        raise AssertionError("installing started the daemon")
    found = await run("runuser -u walker -- backstride scan", timeout=INSTALL_S)
    if belt.machine.address not in found:
        raise AssertionError(f"backstride scan does not list {belt.machine.address}: {found}")
    await write(home, f"{PROGRAMS}/long.yaml", LONG)
    await write(home, f"{PROGRAMS}/short.yaml", SHORT)
    await run(
        f"sed -i -e 's|^#address = .*|address = \"{belt.machine.address}\"|'"
        f" -e 's|^#directory = .*|directory = \"{PROGRAMS}\"|' {CONFIG}"
    )
    await run(f"backstride check {CONFIG}", timeout=INSTALL_S)
    await run("systemctl enable --now backstride", timeout=INSTALL_S)


async def write(home: Home, place: str, text: str) -> None:
    """Write a file as an editor does."""
    await home.guest.run(f"mkdir -p $(dirname {place}) && cat > {place} <<'END'\n{text}END")


@asynccontextmanager
async def treadmills(home: Home, *names: str) -> AsyncIterator[list[Belt]]:
    """Several treadmills in the care of the daemon; afterwards the one that was there before."""
    for name in names:
        if name not in home.belts:
            home.belts[name] = await Belt.switch_on(home.air, name)
    belts = [home.belts[name] for name in names]
    more = "".join(
        f'\n[[treadmill]]\nid = "{belt.name}"\naddress = "{belt.machine.address}"\n'
        for belt in belts[1:]
    )
    await home.guest.run(
        f"cp {CONFIG} {CONFIG}.one && cat >> {CONFIG} <<'END'\n{more}END\nsystemctl restart backstride",
        timeout=INSTALL_S,
    )
    try:
        yield belts
    finally:
        await home.guest.run(
            f"mv {CONFIG}.one {CONFIG} && systemctl restart backstride", timeout=INSTALL_S
        )
        home.topics.clear()
