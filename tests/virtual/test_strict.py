import pytest

from backstride.virtual.catalogue import UnknownMachineError, list_machines, load_machine
from backstride.virtual.model import MachineModel
from backstride.virtual.quirks import Field, Permission
from backstride.virtual.strict import ProfileError, load_record, parse_record

GOOD = """\
about: A test machine.
features: 45 12 00 00 01 00 00 00
speed:
  minimum: 0.8 km/h
  maximum: 6 km/h
  step: 0.1 km/h
"""


def test_units_become_integers():
    model = parse_record(
        GOOD + "  countdown: 4.4 s\n  deceleration: 0.33 km/h per s\n", MachineModel
    )
    assert model.speed.minimum == 80
    assert model.speed.countdown == 4_400
    assert model.speed.deceleration == 33


def test_words_become_choices():
    text = GOOD + "control point:\n  permission: needed twice\n"
    assert parse_record(text, MachineModel).control_point.permission is Permission.NEEDED_TWICE


def test_a_list_and_a_single_item_are_both_lists():
    listed = GOOD + "telemetry:\n  fields: [distance, steps]\n"
    single = GOOD + "telemetry:\n  fields: distance\n"
    assert parse_record(listed, MachineModel).telemetry.fields == (Field.DISTANCE, Field.STEPS)
    assert parse_record(single, MachineModel).telemetry.fields == (Field.DISTANCE,)


def test_none_is_written_as_a_word():
    text = GOOD + "identity:\n  name: none\n  service data: none\n"
    identity = parse_record(text, MachineModel).identity
    assert (identity.name, identity.service_data) == (None, None)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (GOOD + "colour: red\n", "7:1", "unknown key `colour`; accepted are about, identity"),
        (GOOD + "  speedo: 1\n", "7:3", "unknown key `speedo`; accepted are minimum, maximum"),
        (GOOD.replace("0.8 km/h", "0.8"), "4:12", "write for example `1.2 km/h`"),
        (GOOD.replace("0.8 km/h", "-0.8 km/h"), "4:12", "not understood"),
        (GOOD.replace("0.8 km/h", "[1, 2]"), "4:12", "a speed such as"),
        (GOOD.replace("about: A test machine.\n", ""), "1:1", "missing: about"),
        (GOOD + "about: again\n", "7:1", "`about` is written twice"),
        (GOOD + "link: 5\n", "7:7", "a mapping with the keys clients"),
        (GOOD + "link:\n  clients: two\n", "8:12", "a whole number"),
        (GOOD + "link:\n  encrypted: yes\n", "8:14", "`true` or `false`"),
        (GOOD + "link:\n  on connect: jumps\n", "8:15", "one of `nothing`, `starts`, `stops`"),
        (GOOD + "  lag: 3\n", "7:8", "write for example `90 s`"),
        (GOOD + "  acceleration: 0.5 km/h\n", "7:17", "a rate such as"),
        (GOOD + "key: sneaky\n", "7:1", "unknown key `key`"),
        (GOOD.replace("45 12", "4Z 12"), "2:11", "bytes such as"),
        ("", "1:1", "the file is empty"),
        ("a: [1\n", "2:1", "expected"),
        ("- 1\n", "1:1", "a mapping with the keys about"),
        (GOOD + "\t: x\n", "7:1", ""),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_accepted(text, where, what):
    with pytest.raises(ProfileError) as error:
        parse_record(text, MachineModel, "machine.yaml")
    assert str(error.value).startswith(f"machine.yaml:{where}: ")
    assert what in str(error.value)


def test_a_huge_file_is_refused(tmp_path):
    path = tmp_path / "huge.yaml"
    path.write_text("# " + "x" * 70_000)
    with pytest.raises(ProfileError, match="larger than"):
        load_record(path, MachineModel)


def test_a_missing_file_is_a_profile_error(tmp_path):
    with pytest.raises(ProfileError, match="cannot be read"):
        load_record(tmp_path / "nothing.yaml", MachineModel)


def test_an_unknown_machine_is_answered_with_the_known_ones():
    with pytest.raises(UnknownMachineError, match=r"citysports, .*ideal"):
        load_machine("idael")


def test_another_directory_of_profiles_can_be_chosen(tmp_path, monkeypatch):
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines" / "mine.yaml").write_text(GOOD)
    monkeypatch.setenv("BACKSTRIDE_PROFILES", str(tmp_path))
    assert list_machines() == ["mine"]
    assert load_machine("mine").key == "mine"


def test_a_machine_can_be_loaded_from_a_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert load_machine(path).speed.maximum == 600


@pytest.mark.parametrize("name", list_machines())
def test_every_shipped_machine_makes_sense(name):
    model = load_machine(name)
    assert model.about
    assert len(model.features) == 8
    assert 0 < model.speed.minimum < model.speed.maximum
    assert model.speed.step > 0


@pytest.mark.parametrize("name", list_machines())
def test_every_number_of_a_shipped_machine_names_its_source(name):
    from backstride.virtual.catalogue import machines_dir

    text = (machines_dir() / f"{name}.yaml").read_text()
    assert "[CHOICE]" in text or "[capture]" in text
    assert "facts-ftms.md" in text
