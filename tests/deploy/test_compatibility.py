"""docs/compatibility.md says what commissioning sheets prove, and says it of every machine that we know."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from backstride.service.rehearsal import rehearse
from backstride.service.sheet import SheetError, render, write_sheet
from backstride.virtual.catalogue import list_machines, load_machine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("compatibility", ROOT / "tools/compatibility.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page(tool):
    return tool.PAGE.read_text()


def test_every_virtual_machine_has_its_row(page):
    assert sorted(list_machines()) == sorted(re.findall(r"^\| `([a-z0-9-]+)`", page, re.MULTILINE))


@pytest.mark.parametrize("name", ["k12", "mph", "omega-z"])
def test_a_row_says_what_the_wizard_finds_today(tool, page, name):
    model = load_machine(name)
    assert tool.row(f"`{name}`: {model.about.rstrip('.')}", rehearse(model).sheet) in page


def test_the_part_about_real_machines_is_made_of_the_sheets_that_are_there(tool, page):
    assert tool.real_machines() in page


def test_a_real_sheet_makes_a_row_by_the_name_of_its_machine(tool, tmp_path):
    sheet = rehearse(load_machine("k12")).sheet
    write_sheet(sheet, tmp_path / "maker-k12.yaml")
    made = tool.real_machines(tmp_path)
    assert f"| {sheet.name} | 0.5 km/h to 6.1 km/h by 0.1 km/h | none | yes |" in made
    assert "stop again: a second Stop while it coasts starts the belt again" in made


def test_a_sheet_that_claims_more_than_it_proves_makes_no_row(tool, tmp_path):
    told = render(rehearse(load_machine("mph")).sheet)
    bent = told.replace("belt start: console", "belt start: remote")
    (tmp_path / "x.yaml").write_text(bent)
    with pytest.raises(SheetError, match="belt start"):
        tool.real_machines(tmp_path)
