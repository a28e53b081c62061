"""A gym's list of machines: read as spreadsheets write it, and every problem told with row and column."""

from __future__ import annotations

import pytest

from backstride.service.config import read_config
from backstride.service.configreader import ConfigError
from backstride.service.machines import COLUMNS, read_machines, write_tables

GOOD = """\
id,name,host,address,sheet,max_speed
mill-1,Window,pi-1,AA:BB:CC:DD:EE:01,/etc/backstride/machines/mill-1.yaml,2.5 km/h
mill-2,"Door, left",pi-1,aa:bb:cc:dd:ee:02,,

mill-3,,pi-2,AA:BB:CC:DD:EE:03,,1.5 mph
"""


@pytest.fixture
def read(tmp_path):
    def read(text, *, encoding="utf-8"):
        path = tmp_path / "machines.csv"
        path.write_bytes(text.encode(encoding))
        return read_machines(path)

    return read


@pytest.fixture
def complain(read):
    def complain(text, **options):
        with pytest.raises(ConfigError) as error:
            read(text, **options)
        return str(error.value)

    return complain


def test_a_list_becomes_tables_that_the_configuration_reads(read, tmp_path):
    path = tmp_path / "backstride.toml"
    path.write_text(write_tables(read(GOOD)))

    first, second, third = read_config(path).treadmills

    assert (first.id, first.name, first.host, first.max_speed) == ("mill-1", "Window", "pi-1", 250)
    assert (second.name, second.address, second.sheet) == ("Door, left", "AA:BB:CC:DD:EE:02", None)
    assert (third.name, third.host, third.max_speed) == ("mill-3", "pi-2", 241)


def test_what_spreadsheets_do_to_csv_is_understood(read):
    excel = GOOD.replace('"Door, left"', "Door").replace(",", ";").replace("\n", "\r\n")

    assert read(excel.replace("max_speed", "Max Speed"), encoding="utf-8-sig") == read(
        GOOD.replace('"Door, left"', "Door")
    )


@pytest.mark.parametrize(
    "text", ['say "hi"', "back\\slash", "Männer & Söhne", "🏃", "# no comment"]
)
def test_whatever_a_name_has_in_it_comes_back_the_same(read, tmp_path, text):
    quoted = text.replace('"', '""')
    tables = read(f'id,name,virtual\nmill-1,"{quoted}",ideal\n')
    path = tmp_path / "backstride.toml"
    path.write_text(write_tables(tables))

    assert read_config(path).treadmills[0].name == text


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("2.5 km/h", "2.5", "row 2, column max_speed: is '2.5'"),
        ("2.5 km/h", "9 km/h", "row 2, column max_speed: is '9 km/h'; accepted is"),
        (
            "aa:bb:cc:dd:ee:02",
            "aa:bb",
            "row 3, column address: is 'aa:bb'; write a Bluetooth address",
        ),
        (
            "AA:BB:CC:DD:EE:03",
            "AA:BB:CC:DD:EE:01",
            "row 5, column address: is 'AA:BB:CC:DD:EE:01', as of",
        ),
        ("mill-3", "Mill 3", "row 5, column id: is 'Mill 3'; write small letters"),
        ("mill-3", "", "row 5, column id: is missing"),
        ("mill-3", "mill-1", "row 5, column id: is 'mill-1', as of another one"),
        ("AA:BB:CC:DD:EE:03", "", "row 5: with several treadmills each needs `address`"),
        (
            "/etc/backstride/machines/mill-1.yaml",
            "mill-1.yaml",
            "row 2, column sheet: is 'mill-1.yaml'",
        ),
        ("host", "hsot", "row 1, column 3: is 'hsot', which is not known; did you mean `host`?"),
        ("name,", "colour,", "row 1, column 2: is 'colour', which is not known; there are id"),
        ("name,", "id,", "row 1, column 2: is there twice"),
        ("id,", "key,", "row 1: has no column `id`"),
        ("1.5 mph", "1.5 mph,,", "row 5: has 8 cells for 6 columns"),
        ('"Door, left"', '"Door, left', "is not CSV"),
    ],
)
def test_each_problem_names_its_row_and_column_and_what_would_be_accepted(
    complain, before, after, told
):
    assert before in GOOD
    assert told in complain(GOOD.replace(before, after, 1))


def test_all_problems_are_told_at_once(complain):
    told = complain(GOOD.replace("2.5 km/h", "fast").replace("mill-3", "mill_3"))

    assert [line.partition("column ")[2].partition(":")[0] for line in told.splitlines()] == [
        "max_speed",
        "id",
    ]


@pytest.mark.parametrize("text", ["", "id,name\n", "id\n\n,\n"])
def test_a_list_without_a_machine_says_what_a_row_is(complain, text):
    assert "row 1: has no column" in complain(text) or "below the header" in complain(text)


def test_a_list_that_is_no_utf_8_says_how_to_save_it(complain):
    assert "CSV UTF-8" in complain("id,name\nm,Männer\n", encoding="latin-1")


@pytest.mark.hazard("H21")
def test_a_huge_file_is_not_read(complain):
    assert "is larger than" in complain("id\n" + "x" * 300_000)


def test_every_key_of_a_treadmill_can_be_a_column():
    assert {"id", "name", "address", "host", "sheet", "max_speed", "pin_file"} <= set(COLUMNS)
