"""Many programs together: one broken file hides no other."""

from __future__ import annotations

import shutil

import pytest

from backstride.scripts.catalogue import Catalogue, UnknownProgramError, shipped_dir


@pytest.fixture
def own(tmp_path):
    directory = tmp_path / "own"
    directory.mkdir()
    shutil.copy(shipped_dir() / "demo.yaml", directory / "my-demo.yaml")
    return directory


def test_programs_of_a_users_directory_join_the_shipped_ones(own):
    catalogue = Catalogue.load(shipped_dir(), own)
    assert ("my-demo", 10, ()) == (catalogue.ids[-1], len(catalogue), catalogue.errors)
    assert catalogue.get("demo").steps == catalogue.get("my-demo").steps


def test_a_broken_file_is_an_error_in_the_list_and_the_others_are_there(own):
    (own / "broken.yaml").write_text("name: [\n", "utf-8")
    (own / "worse.yml").write_bytes(b"\xff")
    (own / "notes.txt").write_text("not a program", "utf-8")
    catalogue = Catalogue.load(own)
    assert ("my-demo",) == catalogue.ids
    assert ["broken.yaml", "worse.yml"] == [e.file.rsplit("/", 1)[1] for e in catalogue.errors]


def test_a_second_program_of_the_same_id_is_an_error_and_the_first_stays(own):
    text = (own / "my-demo.yaml").read_text("utf-8")
    (own / "demo.yaml").write_text(text.replace("name: Demo", "name: Mine"), "utf-8")
    catalogue = Catalogue.load(shipped_dir(), own)
    assert "Demo" == catalogue.get("demo").name
    assert ["another program has this id already"] == [e.problems[0].what for e in catalogue.errors]


def test_a_directory_that_does_not_exist_is_an_error_in_the_list(own):
    catalogue = Catalogue.load(own / "none", own)
    assert (("my-demo",), 1) == (catalogue.ids, len(catalogue.errors))


def test_a_dangling_link_and_a_directory_named_like_a_program_are_errors(own):
    (own / "gone.yaml").symlink_to(own / "nowhere.yaml")
    (own / "folder.yaml").mkdir()
    catalogue = Catalogue.load(own)
    assert (("my-demo",), 2) == (catalogue.ids, len(catalogue.errors))


def test_an_unknown_id_is_told_with_the_one_that_was_meant():
    catalogue = Catalogue.load()
    with pytest.raises(UnknownProgramError, match="did you mean 'first-steps'"):
        catalogue.get("first_step")
    with pytest.raises(UnknownProgramError, match="there are: backward-jog, cautious"):
        catalogue.get("swimming")
    assert catalogue.find("swimming") is None
    assert "demo" in catalogue
    assert "swimming" not in catalogue
