"""Answers become a configuration: checked before it is written, whole, with the old one kept."""

import tomllib
from datetime import UTC, datetime

import pytest

from backstride.resources import systemd_dir
from backstride.service.config import read_config
from backstride.service.configreader import ConfigError
from backstride.service.credential import read_password
from backstride.service.installation.answers import (
    Answers,
    Place,
    apply,
    check,
    find_treadmill,
    save,
)
from backstride.service.installation.editing import EditError
from backstride.service.settings import Tls

EXAMPLE = (systemd_dir() / "backstride.toml").read_text()
ADDRESS = "11:22:33:44:55:66"
NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@pytest.fixture
def place(tmp_path):
    return Place(file=tmp_path / "etc/backstride.toml")


def put(answers, place, old=EXAMPLE):
    new = apply(old, answers, place)
    check(new, place)
    return save(new, answers, place, NOW)


def test_a_first_treadmill_takes_the_place_of_the_example(place):
    put(Answers(treadmill="living-room", name="Living room", address=ADDRESS), place)
    (treadmill,) = read_config(place.file).treadmills
    assert ("living-room", "Living room", ADDRESS) == (
        treadmill.id,
        treadmill.name,
        treadmill.address,
    )


def test_another_one_is_added_and_one_that_is_there_is_changed(place):
    put(Answers(treadmill="left", address=ADDRESS), place)
    put(Answers(treadmill="right", address="11:22:33:44:55:77"), place, place.file.read_text())
    put(Answers(treadmill="left", name="By the window"), place, place.file.read_text())
    told = [(one.id, one.name, one.address) for one in read_config(place.file).treadmills]
    assert [("left", "By the window", ADDRESS), ("right", "right", "11:22:33:44:55:77")] == told


def test_an_address_ends_what_was_virtual(place):
    old = '[[treadmill]]\nid = "left"\nvirtual = "ideal"\n'
    put(Answers(address=ADDRESS), place, old)
    (treadmill,) = read_config(place.file).treadmills
    assert (None, ADDRESS) == (treadmill.virtual, treadmill.address)


def test_the_first_one_is_meant_where_nobody_says_which():
    assert [0, 0, 1] == [
        find_treadmill('[[treadmill]]\nid = "left"\n', wanted) for wanted in (None, "left", "right")
    ]


def test_a_treadmill_that_is_no_table_of_its_own_is_told_and_not_guessed_at():
    with pytest.raises(EditError, match=r"write \[\[treadmill\]\]"):
        find_treadmill('[treadmill]\nid = "left"\n', "left")


@pytest.mark.hazard("H27")
def test_a_password_is_for_the_service_alone_and_never_in_the_configuration(place):
    put(Answers(user="me", password="hunter2"), place)
    broker = read_config(place.file).broker
    assert "hunter2" not in place.file.read_text()
    assert (0o600, "hunter2") == (place.secret.stat().st_mode & 0o777, read_password(broker, {}))


@pytest.mark.hazard("H27")
def test_systemd_hands_the_password_over_where_root_keeps_it(tmp_path):
    store = tmp_path / "credstore"
    place = Place(file=tmp_path / "backstride.toml", credstore=store)
    put(Answers(user="me", password="hunter2"), place)
    broker = read_config(place.file).broker
    # What LoadCredential= does: the file under its name, in a directory of the service's own.
    assert "hunter2" == read_password(broker, {"CREDENTIALS_DIRECTORY": str(store)})
    assert "hunter2" == read_password(broker, {})


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"host": "broker.lan", "port": 8883}, Tls()),
        ({"port": 8884}, None),
        (
            {"ca": "/ca.pem", "cert": "/me.pem", "key": "/me.key"},
            Tls(ca="/ca.pem", cert="/me.pem", key="/me.key"),
        ),
    ],
    ids=["a public authority", "no TLS", "our own certificate"],
)
def test_tls_is_written_down_where_the_port_or_a_file_asks_for_it(place, answers, expected):
    draft = apply(EXAMPLE, Answers(**answers), place)
    assert check(draft, place).broker.tls == expected


def test_the_host_s_configuration_goes_with_the_service_s_state():
    """Whoever commissions by hand must take the daemon's lock, and leave the sheet where it finds it."""
    new = apply(EXAMPLE, Answers(sheet="/var/lib/backstride/machines/a.yaml"), Place())
    values = tomllib.loads(new)
    assert ("/var/lib/backstride", "/var/lib/backstride/machines/a.yaml") == (
        values["service"]["state_directory"],
        values["treadmill"][0]["sheet"],
    )


def test_the_old_configuration_is_kept_beside_the_new_one(place):
    place.file.parent.mkdir()
    place.file.write_text("# mine\n" + EXAMPLE)
    place.file.chmod(0o640)
    backup = put(Answers(host="broker.lan"), place, place.file.read_text())
    assert ("# mine\n" + EXAMPLE, 0o640) == (backup.read_text(), backup.stat().st_mode & 0o777)
    assert ("broker.lan", 0o640) == (
        read_config(place.file).broker.host,
        place.file.stat().st_mode & 0o777,
    )


def test_what_the_daemon_would_refuse_is_not_written(place):
    with pytest.raises(ConfigError, match=r"etc/backstride\.toml:\d+: site\.max_speed"):
        put(Answers(max_speed="40 km/h"), place)
    assert [] == list(place.file.parent.iterdir())
