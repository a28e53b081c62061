"""The commissioning sheet: what is written is read, and what is claimed must be proven."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from ruamel.yaml import YAML

from backstride.domain.commissioning import Check, Proof, unlock
from backstride.domain.machine import InclineRange
from backstride.service.rehearsal import rehearse
from backstride.service.sheet import SheetError, read_sheet, render, write_sheet
from backstride.service.sheetschema import FILE, schema
from backstride.service.sheetschema import render as render_schema
from backstride.virtual.catalogue import load_machine, machines_dir


@pytest.fixture(scope="module")
def sheet():
    return rehearse(load_machine("k12")).sheet


@pytest.fixture
def path(tmp_path):
    return tmp_path / "machines" / "pad.yaml"


def test_a_sheet_comes_back_as_it_was_written(sheet, path):
    write_sheet(sheet, path)
    assert read_sheet(path) == sheet


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None, "incline": InclineRange(-30, 150, 5)},
        {"name": 'a "quoted": #name\\', "who": "Åsa: -"},
    ],
)
def test_odd_names_and_slopes_come_back_too(sheet, path, changes):
    odd = replace(sheet, **changes)
    write_sheet(odd, path)
    assert read_sheet(path) == odd


@pytest.mark.hazard("H21")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("unattended: no", "unattended: yes", "the findings say `unattended: no`"),
        ("belt start: remote", "belt start: console", "the findings say `belt start: remote`"),
        ("on link loss: runs on", "on link loss: stops", "the findings say"),
        ("sheet: 1", "sheet: 2", "another version"),
        ("proof: failed", "proof: maybe", "this word is not known"),
        ("lowest: 0.5 km/h", "lowest: 0.5", "this is no quantity"),
        ("lowest: 0.5 km/h", "lowest: [1]", "here belongs a text"),
        ("who:", "whom:", "this key is not known"),
        ('who: "a rehearsal"\n', "", "`who` is missing"),
        ("incline: none", "incline: flat", "a mapping with the keys lowest"),
        ("  stop again:", "  stop twice:", "this key is not known"),
        ("identity:\n", "identity: &x\n", "anchors"),
    ],
)
def test_a_sheet_that_was_edited_is_refused_with_the_place(sheet, path, old, new, words):
    text = render(sheet)
    assert old in text
    path.parent.mkdir()
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SheetError, match=r"pad\.yaml:\d+") as caught:
        read_sheet(path)
    assert words in str(caught.value)


@pytest.mark.hazard("H01", "H21")
def test_a_proof_that_was_edited_does_not_fit_what_is_unlocked(sheet, path):
    text = render(sheet)
    path.parent.mkdir()
    path.write_text(text.replace("proof: proven", "proof: failed"))
    with pytest.raises(SheetError, match="the findings say `belt start: console`"):
        read_sheet(path)


def test_a_missing_file_is_told(path):
    with pytest.raises(SheetError, match="cannot be opened"):
        read_sheet(path)


def test_a_place_that_cannot_be_written_is_told(sheet, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SheetError, match="cannot be written"):
        write_sheet(sheet, tmp_path / "file" / "pad.yaml")


def test_what_is_unlocked_is_what_the_findings_unlock(sheet):
    assert sheet.unlocked == unlock(sheet.findings)
    assert sheet.find(Check.STOP_AGAIN).proof is Proof.FAILED


def test_the_schema_that_ships_is_the_one_of_the_code():
    assert (machines_dir() / FILE).read_text() == render_schema()


@pytest.mark.parametrize("name", ["k12", "ideal", "yesoul-mute"])
def test_a_sheet_fits_its_schema(name):
    found = rehearse(load_machine(name)).sheet
    Draft202012Validator.check_schema(schema())
    data = YAML(typ="safe", pure=True).load(render(found))
    Draft202012Validator(schema()).validate(data)


def test_the_schema_refuses_what_the_reader_refuses(sheet):
    data = YAML(typ="safe", pure=True).load(render(sheet))
    for edit in ({"sheet": 2}, {"extra": 1}, {"incline": "flat"}, {"findings": {}}):
        assert not Draft202012Validator(schema()).is_valid(data | edit)
