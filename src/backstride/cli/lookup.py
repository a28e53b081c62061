"""Finding what a command line names: a program by id or file, a virtual machine, the site's limits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from backstride.cli.exits import CommandFailedError, Exit
from backstride.domain.limits import SiteRules
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.workout import Program
from backstride.scripts.catalogue import Catalogue, shipped_dir
from backstride.scripts.reader import load_program
from backstride.service.config import Config, load_config
from backstride.service.configreader import ConfigError
from backstride.service.identity import take_own
from backstride.virtual.catalogue import load_machine
from backstride.virtual.model import MachineModel

_FILE_SUFFIXES: Final = frozenset({".yaml", ".yml"})


def get_config(chosen: Path | None) -> Config:
    """The configuration in effect: this host's part of it, or the whole where none of it is this host's.

    Raises:
        CommandFailedError: it cannot be used (exit code 2).
    """
    try:
        config = load_config(chosen)
    except ConfigError as error:
        raise CommandFailedError(str(error), Exit.USAGE) from error
    own = take_own(config)
    return own if own.treadmills else config


def program_dirs(config: Config) -> list[Path]:
    """Where programs are: those that are shipped, then the site's own."""
    own = config.programs.directory
    return [shipped_dir(), *([Path(own)] if own else [])]


def get_catalogue(config: Config) -> Catalogue:
    """All programs of this installation."""
    return Catalogue.load(*program_dirs(config))


def get_program(name: str, config: Config) -> Program:
    """A program by its id, or from a file.

    Raises:
        BackstrideError: there is none, or its file is wrong.
    """
    path = Path(name)
    if path.suffix in _FILE_SUFFIXES or path.is_file():
        return load_program(path)
    return get_catalogue(config).get(name)


def get_model(name: str) -> MachineModel:
    """A virtual machine by its name, or from a file.

    Raises:
        BackstrideError: there is none, or its file is wrong.
    """
    return load_machine(Path(name) if Path(name).suffix in _FILE_SUFFIXES else name)


def describe_machine(model: MachineModel) -> Machine:
    """The machine as the envelope knows it, without a radio in between."""
    speed, incline = model.speed, model.incline
    return Machine(
        address="virtual",
        name=model.identity.name,
        fingerprint=model.key,
        speed=SpeedRange(speed.minimum, speed.maximum, speed.step),
        incline=None
        if incline is None
        else InclineRange(incline.minimum, incline.maximum, incline.step),
        belt_start=BeltStart.REMOTE,
    )


def site_rules(config: Config, *, jog: bool) -> SiteRules:
    """The site's limits; `jog` looks at what a site with the jog unlocked would do."""
    if not jog:
        return config.site.rules
    from msgspec.structs import replace

    from backstride.domain import limits

    return replace(config.site, jog=True, max_speed=limits.JOG_SPEED).rules
