"""What `backstride check` looks at: programs, configurations, and programs against a machine and a site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.lookup import describe_machine, get_config, get_model, program_dirs
from backstride.cli.planning import make_plan
from backstride.domain.errors import BackstrideError
from backstride.domain.machine import Machine
from backstride.scripts.outline import summarise
from backstride.scripts.reader import load_program
from backstride.service.commissioned import look_up
from backstride.service.config import Config, find_config, read_config
from backstride.service.sheet import is_sheet, read_sheet

_PROGRAMS: Final = frozenset({".yaml", ".yml"})
_CONFIGS: Final = frozenset({".toml"})


class Finding(Struct, frozen=True):
    """One thing that was checked: all right when `problem` is None; a problem has a line for each."""

    name: str
    note: str
    problem: str | None


def check_files(files: list[Path], config: Path | None, machine: str | None) -> Iterator[Finding]:
    """Check files, or with none the configuration in effect and its programs.

    Raises:
        CommandFailedError: a file is none of the known kinds, or the machine is not known (2).
    """
    known = None if machine is None else describe_machine(get_model(machine))
    if not files:
        yield from _check_installation(config, known)
        return
    settings = get_config(config)
    for path in _expand(files):
        if path.suffix in _CONFIGS:
            yield _check_config(path)
        elif path.parent.name == "machines":
            yield _check_machine(path)
        else:
            yield _check_program(path, settings, known)


def _expand(files: list[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in _PROGRAMS | _CONFIGS)
        elif path.suffix in _PROGRAMS | _CONFIGS:
            yield path
        else:
            raise CommandFailedError(
                f"{path} is neither a program (.yaml) nor a configuration (.toml)", Exit.USAGE
            )


def _check_installation(config: Path | None, machine: Machine | None) -> Iterator[Finding]:
    path = find_config(config)
    settings = Config()
    if path is None:
        yield Finding("configuration", "none found, defaults are used", None)
    else:
        finding = _check_config(path)
        yield finding
        if finding.problem is None:
            settings = read_config(path)
    seen: dict[str, Path] = {}
    for directory in program_dirs(settings):
        if not directory.is_dir():
            yield Finding(
                str(directory), "", f"{directory}: there is no such directory; make it or unset it"
            )
        for file in sorted(p for p in directory.glob("*") if p.suffix in _PROGRAMS):
            if file.stem in seen:
                remedy = f"{file}: {seen[file.stem]} has this id already; rename the file"
                yield Finding(str(file), "", remedy)
                continue
            seen[file.stem] = file
            yield _check_program(file, settings, machine)


def _check_config(path: Path) -> Finding:
    try:
        config = read_config(path)
        for treadmill in config.treadmills:
            look_up(treadmill)
    except BackstrideError as error:
        return Finding(str(path), "", str(error))
    count = len(config.treadmills)
    return Finding(str(path), f"{count} treadmill{'s' * (count != 1)}", None)


def _check_machine(path: Path) -> Finding:
    """A virtual machine's model, or a commissioning sheet: both are kept in `machines/`."""
    try:
        if is_sheet(path):
            sheet = read_sheet(path)
            return Finding(str(path), f"{sheet.machine}, commissioned {sheet.date}", None)
        model = get_model(str(path))
    except BackstrideError as error:
        return Finding(str(path), "", str(error))
    return Finding(str(path), model.about, None)


def _check_program(path: Path, config: Config, machine: Machine | None) -> Finding:
    try:
        program = load_program(path)
    except BackstrideError as error:
        return Finding(str(path), "", str(error))
    plan = make_plan(program, machine, config.site.rules)
    if plan.refusal is not None:
        return Finding(str(path), "", f"{path}:1:1: cannot run here: {plan.refusal}")
    return Finding(str(path), summarise(program, plan.workout).sentence, None)
