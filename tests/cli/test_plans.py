"""Programs on paper: listed, shown, drawn, checked."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from backstride.cli.exits import Exit
from backstride.resources import profiles_dir

SHIPPED = sorted(path.stem for path in (profiles_dir() / "sessions").glob("*.yaml"))

BROKEN = """name: Broken
goal: be wrong
level: beginner
max speed: 1.5
steps:
  - warmup: 5 min
    facing: forward
    sped: 1.0 km/h
"""


def test_programs_lists_the_shipped_ones(run):
    result = run("programs", "--json")
    assert (result.code, sorted(p["id"] for p in json.loads(result.out))) == (Exit.OK, SHIPPED)


def test_programs_says_what_a_machine_cannot_run(run):
    result = run("programs", "--machine", "citysports", "--json")
    refusals = {program["id"]: program["refusal"] for program in json.loads(result.out)}
    assert (refusals["demo"], "5.0 %" in refusals["hill"]) == (None, True)


def test_own_programs_come_after_the_shipped_ones_and_a_broken_one_hides_none(run, tmp_path):
    (tmp_path / "mine.yaml").write_text((profiles_dir() / "sessions/demo.yaml").read_text())
    (tmp_path / "broken.yaml").write_text(BROKEN)
    config = tmp_path / "c.toml"
    config.write_text(f'[programs]\ndirectory = "{tmp_path}"')
    result = run("programs", "--config", config)
    assert (result.code, "mine" in result.out, f"{tmp_path}/broken.yaml:4:" in result.err) == (
        Exit.REFUSED,
        True,
        True,
    )


@pytest.mark.parametrize("program", SHIPPED)
def test_every_shipped_program_can_be_shown(run, program):
    result = run("show", program)
    assert (result.code, "km/h └" in result.out, "facing backward" in result.out) == (
        Exit.OK,
        True,
        True,
    )


def test_show_as_json_has_every_step(run):
    plan = json.loads(run("show", "demo", "--json").out)
    assert (plan["turns"], len(plan["steps"]), plan["steps"][0]["speed"]) == (2, 9, None)


def test_a_machine_decides_its_minimum(run):
    plan = json.loads(run("show", "demo", "--machine", "ideal", "--json").out)
    assert (plan["steps"][0]["speed"], plan["machine"]) == (0.8, "Ideal Treadmill")


def test_show_says_why_a_program_cannot_run_here(run):
    result = run("show", "backward-jog", "--machine", "ideal")
    assert (result.code, "is locked; a coach unlocks it" in result.err) == (Exit.REFUSED, True)


def test_a_program_may_be_a_file(run, tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text((profiles_dir() / "sessions/demo.yaml").read_text())
    assert run("show", path).code == Exit.OK


class TestPictures:
    def test_an_svg_is_written_and_is_the_same_each_time(self, run, tmp_path):
        first, second = tmp_path / "a.svg", tmp_path / "b.svg"
        assert [run("show", "hill", "-o", path).code for path in (first, second)] == [0, 0]
        assert ET.fromstring(first.read_bytes()).tag.endswith("svg")
        assert first.read_bytes() == second.read_bytes()

    def test_a_png_is_written(self, run, tmp_path):
        path = tmp_path / "a.png"
        assert run("show", "demo", "-o", path) == (Exit.OK, f"written to {path}\n", "")
        assert path.read_bytes().startswith(b"\x89PNG")

    def test_a_directory_that_is_not_there_is_told(self, run, tmp_path):
        result = run("show", "demo", "-o", tmp_path / "no" / "a.svg")
        assert (result.code, "cannot be written" in result.err) == (Exit.REFUSED, True)


class TestCheck:
    def test_what_comes_with_the_product_is_all_right(self, run):
        root = Path(profiles_dir())
        example = root.parent / "systemd" / "backstride.toml"
        result = run("check", root / "sessions", root / "machines", example)
        lines = result.out.splitlines()
        assert (result.code, result.err, {line[:4] for line in lines}) == (Exit.OK, "", {"ok  "})

    def test_without_files_it_checks_the_configuration_and_its_programs(self, run, tmp_path):
        (tmp_path / "demo.yaml").write_text((profiles_dir() / "sessions/demo.yaml").read_text())
        config = tmp_path / "c.toml"
        config.write_text(f'[programs]\ndirectory = "{tmp_path}"')
        result = run("check", "--config", config)
        assert (result.code, f"ok  {config}" in result.out) == (Exit.REFUSED, True)
        assert "has this id already; rename the file" in result.out

    def test_every_problem_of_every_file_is_told_with_its_place(self, run, tmp_path):
        program, config = tmp_path / "p.yaml", tmp_path / "c.toml"
        program.write_text(BROKEN)
        config.write_text("[site]\nmax_speed = 4.0\njgo = true\n")
        result = run("check", program, config)
        places = [line.split(": ")[0] for line in result.out.splitlines()]
        assert result.code == Exit.REFUSED
        assert {f"{program}:4:12", f"{config}:2", f"{config}:3"} <= set(places)

    def test_a_program_that_a_machine_cannot_run_is_a_problem(self, run):
        path = profiles_dir() / "sessions" / "hill.yaml"
        result = run("check", path, "--machine", "citysports")
        assert (result.code, "cannot run here" in result.out) == (Exit.REFUSED, True)
