"""One configuration for all hosts of a gym: each daemon takes the treadmills that are its own."""

from __future__ import annotations

import socket

import pytest

from backstride.service.config import read_config
from backstride.service.configreader import ConfigError
from backstride.service.identity import is_host, require_own, take_own

GYM = """\
[[treadmill]]
id = "mill-1"
host = "pi-1"
virtual = "ideal"
[[treadmill]]
id = "mill-2"
host = "PI-2.gym.example"
virtual = "ideal"
[[treadmill]]
id = "spare"
virtual = "ideal"
"""


@pytest.fixture
def gym(tmp_path):
    path = tmp_path / "backstride.toml"
    path.write_text(GYM)
    return read_config(path)


@pytest.mark.parametrize(
    ("host", "ids"),
    [
        ("pi-1", ["mill-1", "spare"]),
        ("PI-1.gym.example", ["mill-1", "spare"]),
        ("pi-2.gym.example", ["mill-2", "spare"]),
        ("pi-2", ["spare"]),
        ("laptop", ["spare"]),
    ],
)
def test_a_host_takes_its_own_treadmills_and_those_of_everybody(gym, host, ids):
    own = take_own(gym, host)

    assert [each.id for each in own.treadmills] == ids
    assert own.service.host_name == host


@pytest.mark.parametrize(
    ("written", "name", "same"),
    [
        ("pi-3", "pi-3", True),
        ("pi-3", "Pi-3.local", True),
        ("pi-3.local", "pi-3.local", True),
        ("pi-3.local", "pi-3", False),
        ("pi-3", "pi-30", False),
    ],
)
def test_a_host_is_meant_by_its_whole_name_or_by_the_part_before_the_dot(written, name, same):
    assert is_host(written, name) is same


def test_the_configured_name_goes_before_the_system_s_and_the_chosen_before_both(gym, tmp_path):
    path = tmp_path / "named.toml"
    path.write_text(f'[service]\nhost_name = "pi-1"\n{GYM}')
    named = read_config(path)

    assert [
        take_own(named, "pi-9").service.host_name,
        take_own(named).service.host_name,
        take_own(gym).service.host_name,
    ] == ["pi-9", "pi-1", socket.gethostname()]


def test_a_daemon_without_a_treadmill_of_its_own_says_whose_there_are(tmp_path):
    path = tmp_path / "backstride.toml"
    path.write_text(GYM.partition('[[treadmill]]\nid = "spare"')[0])

    with pytest.raises(ConfigError) as error:
        require_own(read_config(path), "pi-7")

    assert "no treadmill belongs to this host, 'pi-7'" in str(error.value)
    assert "PI-2.gym.example, pi-1" in str(error.value)
    assert "--host-name" in str(error.value)


def test_a_gym_may_have_more_treadmills_than_one_daemon_takes_but_no_host_may(tmp_path):
    path = tmp_path / "backstride.toml"

    def write(hosts):
        path.write_text(
            "".join(
                f'[[treadmill]]\nid = "m-{n}"\nhost = "pi-{n % hosts}"\nvirtual = "ideal"\n'
                for n in range(200)
            )
        )

    write(hosts=50)
    assert len(take_own(read_config(path), "pi-7").treadmills) == 4

    write(hosts=2)
    with pytest.raises(ConfigError, match="there are 100 of pi-0; one daemon takes 64"):
        read_config(path)
