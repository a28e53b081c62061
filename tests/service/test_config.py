"""The configuration: strict, whole, and never a place for secrets."""

import re
from pathlib import Path

import pytest

from backstride.domain.machine import BeltStart
from backstride.domain.units import MINUTE
from backstride.service import config as subject
from backstride.service.config import (
    SECTIONS,
    Broker,
    Config,
    Export,
    Guidance,
    Programs,
    Protocol,
    Service,
    Site,
    Tls,
    Treadmill,
    Walker,
    find_config,
    load_config,
    read_config,
    state_directory,
)
from backstride.service.configreader import ConfigError, find_lines
from backstride.service.credential import read_password

EXAMPLE = Path(__file__).parents[2] / "systemd" / "backstride.toml"
_COMMENTED_KEY = re.compile(r"^#(?=\[|[a-z_]+ = )", re.MULTILINE)


@pytest.fixture
def read(tmp_path):
    def read(text: str) -> Config:
        path = tmp_path / "b.toml"
        path.write_text(text)
        return read_config(path)

    return read


@pytest.fixture
def complain(read):
    def complain(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text)
        return [str(problem).rpartition("b.toml")[2] for problem in caught.value.problems]

    return complain


def test_the_example_as_shipped_is_the_defaults():
    assert read_config(EXAMPLE) == Config(file=str(EXAMPLE))


def test_the_example_has_every_key_and_no_other():
    found: dict[str, set[str]] = {name: set() for name in SECTIONS}
    section = ""
    for line in _COMMENTED_KEY.sub("", EXAMPLE.read_text()).splitlines():
        if header := re.match(r"\[\[?([a-z.]+)\]", line):
            section = header[1]
        elif key := re.match(r"([a-z_]+) = ", line):
            found[section].add(key[1])
    sections = {"broker.tls": "tls", "treadmill.walker": "walker"}
    expected = {name: set(readers) - set(sections.values()) for name, readers in SECTIONS.items()}
    assert found == expected


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("broker", Broker),
        ("broker.tls", Tls),
        ("site", Site),
        ("service", Service),
        ("programs", Programs),
        ("export", Export),
        ("guidance", Guidance),
        ("treadmill", Treadmill),
        ("treadmill.walker", Walker),
    ],
)
def test_every_field_has_a_reader_and_every_reader_a_field(section, kind):
    assert set(SECTIONS[section]) == set(kind.__struct_fields__)


def test_the_example_with_every_key_uncommented_is_read(read):
    text = _COMMENTED_KEY.sub("", EXAMPLE.read_text())
    for other in ("bluetooth_name", "virtual"):  # ways to find a machine exclude each other
        text = re.sub(rf"^{other} = .*$", "", text, flags=re.MULTILINE)
    config = read(text)
    assert config.broker.tls == Tls(
        ca="/etc/backstride/ca.pem",
        cert="/etc/backstride/client.pem",
        key="/etc/backstride/client.key",
    )
    assert config.treadmills[0].walker == Walker(
        max_speed=150, max_incline=10, max_backward_time=12 * MINUTE, max_heart_rate=180
    )


def test_an_empty_file_is_the_defaults(read):
    assert read("") == Config(file=read("").file)


def test_quantities_are_integers_inside(read):
    site = read(
        '[site]\nmax_speed = "2.5 mph"\nmax_incline = "2.5 %"\nmax_backward_time = "1:30"'
    ).site
    assert (site.max_speed, site.max_incline, site.max_backward_time) == (402, 25, 90_000)


def test_a_misspelt_key_is_refused_with_the_line_and_what_was_meant(complain):
    assert complain('[site]\nname = "gym"\nmax_sped = "2.0 km/h"') == [
        ":3: site.max_sped: is not known; did you mean `max_speed`?"
    ]


def test_all_problems_are_told_at_once(complain):
    problems = complain(
        '[broker]\nport = "1883"\nhots = "x"\n[site]\nmax_speed = 4.0\n'
        '[[treadmill]]\nid = "a"\n[[treadmill]]\nid = "Upper"\nbelt_start = "yes"\n'
    )
    assert [problem.split(": ")[1] for problem in problems] == [
        "broker.port",
        "broker.hots",
        "site.max_speed",
        "treadmill[1]",
        "treadmill[2]",
        "treadmill[2].id",
        "treadmill[2].belt_start",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("site = 3", "site: is 3; write a table: [site]"),
        (
            "[site]\nmax_speed = 4.0",
            'is 4.0, a bare value; write it in quotes with its unit: "4.0 km/h"',
        ),
        ('[site]\nmax_speed = "4.0"', 'write for example "1.2 km/h" or "0.8 mph"'),
        ('[site]\nmax_speed = "0 km/h"', "accepted is more than 0, up to 8.0 km/h"),
        ('[site]\nmax_speed = "9 km/h"', "accepted is more than 0, up to 8.0 km/h"),
        ('[site]\nmax_speed = "6 km/h"', "unlock the jog with `jog = true`"),
        ('[site]\nmax_incline = "-1 %"', "accepted is 0, up to 10.0 %"),
        ('[site]\nmax_incline = "11 %"', "accepted is 0, up to 10.0 %"),
        ('[site]\nmax_backward_time = "31 min"', "accepted is more than 0, up to 30:00"),
        ("[site]\njog = 1", "write true or false, without quotes"),
        ("[broker]\nport = 0", "write a number from 1 to 65535"),
        ("[broker]\nport = true", "is true; write a number"),
        ('[broker]\nprotocol = "4"', 'write one of "auto", "5", "3.1.1"'),
        ('[broker]\nprefix = "a/#"', "a topic such as"),
        ('[broker]\nprefix = "$SYS"', "a topic such as"),
        ('[broker]\nprefix = "a//b"', "a topic such as"),
        ('[broker]\npassword_file = "secret"', "write an absolute path"),
        (
            '[broker]\npassword_file = "/s"',
            'has a password but no `user`; add for example user = "backstride"',
        ),
        ('[broker.tls]\ncert = "/c.pem"', "`cert` and `key` go together"),
        ('[service]\nlog_level = "loud"', 'write one of "debug", "info", "warning", "error"'),
        ("treadmill = []", "each treadmill is a table of its own: [[treadmill]]"),
        ("[[treadmill]]", 'treadmill[1].id: is missing; write for example id = "living-room"'),
        ('[[treadmill]]\nid = "a"\naddress = "1234"', "`backstride scan` lists those in range"),
        (
            '[[treadmill]]\nid = "a"\naddress = "AA:BB:CC:DD:EE:FF"\nvirtual = "ideal"',
            "goes not together",
        ),
        (
            '[[treadmill]]\nid = "a"\nvirtual = "x"\n[[treadmill]]\nid = "a"\nvirtual = "x"',
            "each has its own",
        ),
        ("a = [", "is not TOML"),
        ("[site]\nmax_speed = 4.0 km/h", 'text needs quotes, for example "4.0 km/h"'),
    ],
)
def test_what_is_wrong_comes_with_what_would_be_accepted(complain, text, expected):
    (problem,) = complain(text)
    assert expected in problem


@pytest.mark.parametrize("word", ["password", "passwd", "secret"])
def test_a_secret_in_the_file_is_refused_with_the_remedy_and_never_quoted(complain, word):
    (problem,) = complain(f'[broker]\n{word} = "hunter2"')
    assert ("hunter2" in problem, "password_file" in problem, "credential" in problem) == (
        False,
        True,
        True,
    )


def test_the_jog_raises_what_a_site_may_allow(read):
    assert read('[site]\njog = true\nmax_speed = "8 km/h"').site.rules.caps.speed == 800


def test_tls_changes_the_default_port_only(read):
    assert read("[broker.tls]").broker.port == 8883
    assert read("[broker]\nport = 1234\n[broker.tls]").broker.port == 1234


def test_a_virtual_machine_is_started_by_us_and_a_real_one_at_its_console(read):
    config = read(
        '[[treadmill]]\nid = "a"\nvirtual = "ideal"\n[[treadmill]]\nid = "b"\nbluetooth_name = "FS"'
    )
    assert [t.belt_start for t in config.treadmills] == [BeltStart.REMOTE, BeltStart.CONSOLE]


def test_the_walker_belongs_to_the_treadmill_above_it(read):
    config = read(
        '[[treadmill]]\nid = "a"\nvirtual = "ideal"\n[treadmill.walker]\nmax_speed = "1.5 km/h"\n'
        '[[treadmill]]\nid = "b"\nvirtual = "ideal"\n'
    )
    assert [t.walker.caps.speed if t.walker else None for t in config.treadmills] == [150, None]


def test_an_address_is_kept_in_capitals(read):
    assert read('[[treadmill]]\nid = "a"\naddress = "aa:bb:cc:dd:ee:ff"').treadmills[0].target == (
        "AA:BB:CC:DD:EE:FF"
    )


def test_the_lines_of_keys_are_found_in_nested_tables():
    text = '[[treadmill]]\nid = "a"\n[treadmill.walker]\nmax_speed = 1\n[[treadmill]]\n id="b"\n'
    assert find_lines(text) == {
        "treadmill[1]": 1,
        "treadmill[1].id": 2,
        "treadmill[1].walker": 3,
        "treadmill[1].walker.max_speed": 4,
        "treadmill[2]": 5,
        "treadmill[2].id": 6,
    }


def test_the_chosen_file_comes_before_the_environment_and_the_system(tmp_path, monkeypatch):
    system = tmp_path / "system.toml"
    monkeypatch.setattr(subject, "SYSTEM_FILE", system)
    assert find_config(None, {}) is None
    system.touch()
    assert find_config(None, {}) == system
    assert find_config(None, {"BACKSTRIDE_CONFIG": "/e.toml"}) == Path("/e.toml")
    assert find_config("/a.toml", {"BACKSTRIDE_CONFIG": "/e.toml"}) == Path("/a.toml")


def test_without_a_file_there_are_defaults_but_a_named_one_must_exist(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "SYSTEM_FILE", tmp_path / "none.toml")
    monkeypatch.delenv("BACKSTRIDE_CONFIG", raising=False)
    assert load_config() == Config()
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read \(No such file"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"\xff\xfe", "is not UTF-8 text"), (b"#" * 300_000, "is larger than 262144 bytes")],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, data, expected):
    path = tmp_path / "b.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=expected):
        read_config(path)


class TestThePassword:
    @pytest.fixture
    def secret(self, tmp_path):
        path = tmp_path / "mqtt-password"
        path.write_text("hunter2\n")
        path.chmod(0o600)
        return path

    def test_is_none_when_nothing_names_it(self):
        assert read_password(Broker(), {}) is None

    def test_comes_from_the_systemd_credential(self, secret):
        broker = Broker(user="b", credential=secret.name)
        assert read_password(broker, {"CREDENTIALS_DIRECTORY": str(secret.parent)}) == "hunter2"

    def test_comes_from_the_file_where_there_is_no_credential(self, secret, tmp_path):
        broker = Broker(user="b", credential="other", password_file=str(secret))
        assert read_password(broker, {}) == "hunter2"
        assert read_password(broker, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "hunter2"

    def test_is_not_taken_from_a_file_that_everybody_reads(self, secret):
        secret.chmod(0o644)
        with pytest.raises(ConfigError, match="mend it with chmod o-r"):
            read_password(Broker(user="b", password_file=str(secret)), {})

    def test_missing_or_empty_is_an_error_with_the_remedy(self, tmp_path):
        with pytest.raises(ConfigError, match="by systemd only"):
            read_password(Broker(user="b", credential="x"), {})
        with pytest.raises(ConfigError, match="cannot be read"):
            read_password(Broker(user="b", password_file=str(tmp_path / "x")), {})
        empty = tmp_path / "empty"
        empty.touch(0o600)
        with pytest.raises(ConfigError, match="is empty"):
            read_password(Broker(user="b", password_file=str(empty)), {})


def test_state_is_kept_where_configured_else_where_systemd_says_else_at_home():
    chosen = Config(service=Service(state_directory="/a"))
    assert state_directory(chosen, {"STATE_DIRECTORY": "/b"}) == Path("/a")
    assert state_directory(Config(), {"STATE_DIRECTORY": "/b:/c"}) == Path("/b")
    assert state_directory(Config(), {"XDG_STATE_HOME": "/x"}) == Path("/x/backstride")
    assert state_directory(Config(), {}) == Path.home() / ".local/state/backstride"


def test_protocols_are_the_three_that_the_link_speaks():
    assert [p.value for p in Protocol] == ["auto", "5", "3.1.1"]
