"""`import`: a foreign workout becomes a file that can be checked, and what was changed is said."""

import pytest

from backstride.cli.exits import Exit

ROWS = '<rows><row duration="00:01:00" speed="8" inclination="-1"/><row duration="60" speed="4"/></rows>'


@pytest.fixture
def workout(tmp_path):
    path = tmp_path / "My Workout.xml"
    path.write_text(ROWS)
    return path


def test_it_is_lowered_to_the_sites_limits_and_can_be_walked(run, workout, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("import", workout)
    assert (Exit.OK, "tightened: row 1: 8.0 km/h lowered to 4.0 km/h" in result.out) == (
        result.code,
        True,
    )
    assert Exit.OK == run("check", "my-workout.yaml").code


def test_it_is_scaled_where_that_is_asked_for(run, workout, tmp_path):
    run("import", workout, "--top", "2.0 km/h", "-o", tmp_path / "a.yaml")
    assert "max speed: 2.0 km/h" in (tmp_path / "a.yaml").read_text()


def test_a_file_that_is_there_is_not_overwritten_unless_forced(run, workout, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("mine")
    refused = run("import", workout, "-o", path)
    assert (Exit.USAGE, "mine") == (refused.code, path.read_text())
    assert Exit.OK == run("import", workout, "-o", path, "--force").code


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.zwo", "<workout_file><workout/></workout_file>", "--threshold"),
        ("a.gpx", "", "only .zwo, .xml, .fit"),
        ("a.fit", "no", "no FIT file"),
        ("a.xml", "<rows/>", "nothing of it can be walked backward: it has no steps"),
    ],
)
def test_what_cannot_be_imported_is_told_with_what_to_do(run, tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content)
    result = run("import", path, "-o", tmp_path / "out.yaml")
    assert (result.code != Exit.OK, said in result.err) == (True, True)
    assert not (tmp_path / "out.yaml").exists()


def test_a_speed_that_is_none_is_told(run, workout):
    result = run("import", workout, "--top", "fast")
    assert (Exit.USAGE, "--top" in result.err) == (result.code, True)
