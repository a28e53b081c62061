"""`backstride broker` as a person uses it."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from backstride.cli import broker_init
from backstride.cli.main import main
from backstride.provisioning.authority import expiry
from backstride.provisioning.house import House
from backstride.provisioning.roles import Role
from backstride.service.config import read_config
from backstride.service.configreader import ConfigError


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def broker(capsys, tmp_path):
    """Run `backstride broker` on a directory of this test's."""

    def run(*words: str) -> Result:
        capsys.readouterr()
        code = main(["broker", *words, "--directory", str(tmp_path / "made")])
        out, err = capsys.readouterr()
        return Result(int(code), out, err)

    return run


@pytest.fixture
def made(tmp_path):
    return tmp_path / "made"


INIT = ("--host", "broker.local", "--host", "10.0.0.1", "--treadmill", "mill-1")


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["--home", "--gym"])
def test_a_dry_run_says_what_would_be_written_and_writes_nothing(broker, made, kind):
    told = broker("init", kind, *INIT, "--dry-run")

    assert (told.code, made.exists()) == (0, False)
    planned = set(re.findall(r"would write +0[0-7]{3} (\S+)", told.out))
    broker("init", kind, *INIT)
    # A certificate's number is chance.
    plain = [
        {re.sub(r"-[0-9a-f]{30,}", "", str(path)) for path in paths}
        for paths in (planned, contents(made))
    ]
    assert plain[0] == plain[1]


@pytest.mark.hazard("H27")
@pytest.mark.parametrize("kind", ["--home", "--gym"])
def test_what_is_secret_is_closed_and_the_persons_password_is_in_no_file(broker, made, kind):
    told = broker("init", kind, *INIT)

    password = re.search(r"password  (\S{19})", told.out)[1]
    assert not any(password.encode() in content for content in contents(made).values())
    secret = {
        path.name: path.stat().st_mode & 0o777
        for path in contents(made)
        if path.suffix in {".key", ".password"} or path.name == "passwords"
    }
    assert set(secret.values()) == {0o600}
    assert "expires on" in told.out
    assert "To undo" in told.out


def test_a_second_init_changes_nothing_and_says_what_would(broker, made):
    broker("init", "--gym", *INIT)
    before = contents(made)

    again = broker("init", "--gym", *INIT, "--treadmill", "mill-2")
    other = broker("init", "--home", *INIT)

    assert contents(made) == before
    assert (again.code, "broker add-treadmill mill-2" in again.out) == (0, True)
    assert (other.code, "stays so" in other.err) == (1, True)


def test_a_directory_with_somebody_elses_files_is_left_alone(broker, made):
    (made / "broker").mkdir(parents=True)
    (made / "broker" / "acl").write_text("mine")

    told = broker("init", "--home", *INIT)

    assert (told.code, "never overwritten" in told.err) == (1, True)
    assert contents(made) == {made / "broker" / "acl": b"mine"}


@pytest.mark.parametrize("kind", ["--home", "--gym"])
def test_the_lines_for_the_daemon_are_a_configuration_and_name_the_files_beside_them(
    broker, made, kind
):
    broker("init", kind, *INIT)
    place = made / "treadmills" / "mill-1"

    config = read_config(place / "broker.toml")

    mine = config.broker.of("mill-1")
    paths = [mine.password_file, mine.tls.ca, mine.tls.cert, mine.tls.key]
    named = {path.rpartition("/")[2] for path in paths if path is not None}
    assert named == {path.name for path in place.iterdir()} - {"broker.toml"}
    assert (mine.host, mine.port) == ("broker.local", 8883)
    assert mine.user == ("mill-1" if kind == "--home" else None)


def test_the_lines_for_the_daemon_go_where_the_old_ones_were(broker, made, tmp_path):
    told = " ".join(broker("init", "--home", *INIT).out.split())
    assert "put the lines of broker.toml in the place of [broker] and [broker.tls]" in told
    assert "systemctl restart backstride. Port 1883 is closed from then on." in told

    both = tmp_path / "backstride.toml"
    both.write_text(
        '[broker]\nhost = "localhost"\n' + (made / "treadmills/mill-1/broker.toml").read_text()
    )
    with pytest.raises(ConfigError, match="a table may stand in the file once: put its lines"):
        read_config(both)
    both.write_text('[site]\nname = "a"\nname = "b"\n')
    with pytest.raises(ConfigError, match="a name may stand in its table once"):
        read_config(both)


def test_who_has_a_password_only_is_revoked_without_the_authoritys_key(broker, made):
    broker("init", "--home", *INIT)
    (made / "authority" / "ca.key").unlink()

    told = broker("revoke", "wall")

    assert told.code == 0, told.err
    assert "user wall" not in (made / "broker" / "acl").read_text()


def test_what_a_write_that_was_cut_off_left_behind_is_no_obstacle(broker, made):
    broker("init", "--home", *INIT)
    (made / "broker" / "acl.new").write_text("half")

    assert broker("revoke", "wall").code == 0
    assert not (made / "broker" / "acl.new").exists()


def test_who_was_added_is_listed_and_who_was_revoked_is_not(broker, made):
    broker("init", "--gym", *INIT)
    broker("add", "anna", "--treadmill", "mill-1")
    broker("add", "node-red", "--role", "node-red")
    broker("add-treadmill", "mill-2")
    broker("revoke", "mill-1")

    listed = broker("list").out

    names = [line.split()[0] for line in listed.splitlines()[1:]]
    assert names == ["authority", "server", "coach", "wall", "anna", "node-red", "mill-2"]
    assert not (made / "treadmills" / "mill-1").exists()
    acl = (made / "broker" / "acl").read_text()
    assert "topic write backstride/mill-1/command\n" in acl  # anna's
    assert "user mill-1" not in acl


def test_renewing_touches_what_expires_soon_and_keeps_the_keys(broker, made):
    broker("init", "--gym", *INIT)
    before = contents(made)
    quiet = broker("renew")
    assert contents(made) == before
    assert "nothing was changed" in quiet.out

    broker("renew", "--within", "801")

    after = contents(made)
    changed = {str(path.relative_to(made)) for path in before if before[path] != after[path]}
    assert changed == {"broker/server.pem", "treadmills/mill-1/mill-1.pem"}
    assert set(before) < set(after)


def test_without_the_authoritys_key_nothing_can_be_added_and_it_says_so(broker, made):
    broker("init", "--gym", *INIT)
    (made / "authority" / "ca.key").unlink()

    told = broker("add-treadmill", "mill-2")

    assert (told.code, "put ca.key back" in told.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("init", *INIT), "either --home or --gym"),
        (("init", "--home", "--gym", *INIT), "either --home or --gym"),
        (("init", "--home", "--host", "a b", "--treadmill", "x"), "is no host"),
        (("init", "--home", "--host", "a", "--treadmill", "X"), "cannot be a name"),
        (("init", "--home", "--host", "a", "--treadmill", "people"), "somebody else's name"),
        (("init", "--gym", "--host", "a", "--treadmill", "server"), "somebody else's name"),
        (("init", "--gym", *INIT, "--prefix", "a/#"), "no prefix"),
        (("init", "--gym", *INIT, "--port", "9001"), "different numbers"),
        (("init", "--gym", *INIT, "--owner", "nobody-here"), "no user"),
        (("add-treadmill", "mill-2"), "`backstride broker init` makes them"),
        (("list",), "`backstride broker init` makes them"),
    ],
)
def test_wrong_input_is_told_in_a_sentence_and_nothing_is_made(broker, made, words, expected):
    told = broker(*words)

    assert told.code != 0
    assert expected in told.err
    assert not made.exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add-treadmill", "mill-1"), "is there already"),
        (("add-treadmill", "wall"), "is there already"),
        (("add", "anna", "--role", "daemon"), "add-treadmill"),
        (("add", "anna", "--role", "boss"), "is no role"),
        (("add", "server"), "somebody else's name"),
        (("add", "anna", "--certificate"), "leave the certificate out"),
        (("revoke", "zoe"), "there are mill-1, people"),
    ],
)
def test_a_wrong_change_is_told_in_a_sentence_and_changes_nothing(broker, made, words, expected):
    broker("init", "--home", *INIT)
    before = contents(made)

    told = broker(*words)

    assert (told.code != 0, expected in told.err) == (True, True), told.err
    assert contents(made) == before


def test_the_record_reads_as_it_was_written(broker, made):
    broker("init", "--gym", *INIT, "--prefix", "gym/floor-2")

    house = House.load(made)

    assert tomllib.loads((made / "house.toml").read_text())["kind"] == "gym"
    assert (house.hosts, house.prefix) == (("broker.local", "10.0.0.1"), "gym/floor-2")
    assert replace(house, directory=made) == house


def test_the_broker_finds_its_files_open_to_it_alone(broker, made):
    broker("init", "--gym", *INIT)

    modes = {path.stat().st_mode & 0o777 for path in (made / "broker").iterdir()}
    assert modes == {0o600}
    if os.geteuid() != 0:
        assert {path.stat().st_uid for path in (made / "broker").iterdir()} == {os.geteuid()}
    assert expiry((made / "broker" / "server.pem").read_bytes()).year > 2027


def test_the_chapter_names_commands_and_roles_that_there_are():
    chapter = (Path(__file__).parents[2] / "docs" / "broker.md").read_text()

    named = set(re.findall(r"backstride broker ([a-z-]+)", chapter))
    assert named == {command.name for command in broker_init._group.registered_commands}
    assert {role.value for role in Role} <= set(re.findall(r"`([a-z-]+)`", chapter))
