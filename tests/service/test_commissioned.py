"""What the daemon makes of a sheet: it follows it, and never goes beyond it."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from backstride.domain.commissioning import UNPROVEN
from backstride.domain.events import Ask
from backstride.domain.machine import BeltStart
from backstride.domain.notices import Reply
from backstride.scripts.catalogue import Catalogue
from backstride.service.commissioned import look_up
from backstride.service.config import read_config
from backstride.service.configreader import ConfigError
from backstride.service.rehearsal import rehearse
from backstride.service.settings import Config, Treadmill
from backstride.service.sheet import SheetError, write_sheet
from backstride.service.simulation import Stage, on_stage
from backstride.service.supervisor import Service
from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import run_virtual

CONSOLE, REMOTE = BeltStart.CONSOLE, BeltStart.REMOTE
PROGRAMS = Catalogue.load()
PROGRAM = PROGRAMS.get("demo")
ALONE = replace(PROGRAM, unsupervised=True)


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    """Sheets of real rehearsals, by machine."""
    home = tmp_path_factory.mktemp("machines")
    for name in ("ideal", "mph", "console-only"):
        write_sheet(rehearse(load_machine(name)).sheet, home / f"{name}.yaml")
    return home


def real(**keys):
    return Treadmill(id="a", name="a", **keys)


@pytest.mark.hazard("H01", "H05")
def test_a_real_machine_without_a_sheet_is_slow_and_started_at_its_console():
    grant = look_up(real(belt_start=REMOTE))
    assert (grant.belt_start, grant.caps.speed, grant.caps.reason) == (CONSOLE, 200, UNPROVEN)
    assert grant.bound is None
    assert not grant.allow(ALONE).unsupervised


def test_a_virtual_machine_is_exempt():
    grant = look_up(real(virtual="ideal", belt_start=REMOTE, fingerprint="f", max_speed=350))
    assert (grant.belt_start, grant.caps.speed, grant.bound) == (REMOTE, 350, "f")
    assert grant.allow(ALONE) == ALONE


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("name", "start", "own", "expected"),
    [
        ("ideal", REMOTE, None, (REMOTE, None)),
        ("ideal", CONSOLE, 350, (CONSOLE, 350)),
        ("mph", REMOTE, None, (CONSOLE, 200)),
        ("mph", REMOTE, 150, (CONSOLE, 150)),
        ("console-only", REMOTE, None, (CONSOLE, None)),
    ],
)
def test_a_sheet_and_the_configuration_must_both_allow_it(sheets, name, start, own, expected):
    sheet = str(sheets / f"{name}.yaml")
    grant = look_up(real(sheet=sheet, belt_start=start, max_speed=own))
    assert (grant.belt_start, grant.caps.speed) == expected
    assert not grant.allow(ALONE).unsupervised, "its belt runs on when the link ends"


def test_a_sheet_of_another_machine_than_the_configured_is_refused(sheets):
    with pytest.raises(SheetError, match="is bound to another"):
        look_up(real(sheet=str(sheets / "ideal.yaml"), fingerprint="another"))


def test_the_configuration_takes_the_start_from_the_sheet_unless_it_says_console(sheets, tmp_path):
    path = tmp_path / "b.toml"
    sheet = sheets / "ideal.yaml"
    path.write_text(
        f'[[treadmill]]\nid = "a"\naddress = "AA:BB:CC:DD:EE:01"\nsheet = "{sheet}"\n'
        f'[[treadmill]]\nid = "b"\naddress = "AA:BB:CC:DD:EE:02"\nsheet = "{sheet}"\n'
        'belt_start = "console"\n'
    )
    grants = [look_up(treadmill) for treadmill in read_config(path).treadmills]
    assert [grant.belt_start for grant in grants] == [REMOTE, CONSOLE]


def test_a_virtual_machine_with_a_sheet_is_a_mistake(tmp_path):
    path = tmp_path / "b.toml"
    path.write_text('[[treadmill]]\nid = "a"\nvirtual = "ideal"\nsheet = "/a.yaml"\n')
    with pytest.raises(ConfigError, match="a virtual machine needs no sheet"):
        read_config(path)


def session_of(treadmill, home):
    """The session that the daemon would run for this treadmill."""

    async def build():
        service = Service(Config(treadmills=(treadmill,)))
        return (await service.workshop.build(treadmill, home, PROGRAMS, service.radios)).controller

    return asyncio.run(build()).session


def test_the_daemon_puts_the_sheet_to_work(sheets, tmp_path):
    session = session_of(real(sheet=str(sheets / "mph.yaml")), tmp_path)
    fingerprint = rehearse(load_machine("mph")).sheet.fingerprint
    assert (session.bound, session.site.machine.speed) == (fingerprint, 200)


@pytest.mark.hazard("H01")
def test_the_daemon_does_not_start_with_a_sheet_that_it_cannot_read(tmp_path):
    with pytest.raises(SheetError, match="cannot be opened"):
        session_of(real(sheet=str(tmp_path / "gone.yaml")), tmp_path)


@pytest.mark.hazard("H19")
@pytest.mark.parametrize(("name", "reply"), [("ideal", Reply.OK), ("k12", Reply.REFUSED)])
def test_motion_is_refused_on_any_other_machine_than_the_sheets(sheets, tmp_path, name, reply):
    """The sheet is the ideal machine's; a look-alike under its address is watched, never moved."""
    template = session_of(real(sheet=str(sheets / "ideal.yaml")), tmp_path)

    model = load_machine(name)

    async def play(stage):
        await stage.until(lambda s: s.linked and s.evidence.speed is not None, 20_000)
        return stage.ask(Ask.START, PROGRAM)

    async def story():
        stage = Stage(model, template.site, (PROGRAM,))
        controller = stage.controller
        controller.session = replace(controller.session, bound=template.bound)
        return await on_stage(stage, play)

    answer = run_virtual(story())
    assert answer.reply is reply
    assert answer.code == ("armed" if reply is Reply.OK else "wrong_machine")
