"""A daemon for one treadmill of several must be certain which machine is its own."""

import pytest

from backstride.service.config import read_config
from backstride.service.configreader import ConfigError
from backstride.service.selection import choose_for_daemon, choose_treadmill

NAMED = '[[treadmill]]\nid = "named"\nbluetooth_name = "FS-1"\n'
SURE = '[[treadmill]]\nid = "sure"\naddress = "AA:BB:CC:DD:EE:FF"\n'
VIRTUAL = '[[treadmill]]\nid = "virtual"\nvirtual = "ideal"\n'
ALONE = '[[treadmill]]\nid = "alone"\n'


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "backstride.toml"
        path.write_text(text)
        return read_config(path)

    return read


@pytest.mark.hazard("H09")
def test_beside_other_daemons_a_name_is_not_certain_and_the_error_says_what_to_do(read):
    config = read(NAMED + SURE)
    with pytest.raises(ConfigError, match="finds 'named' by nothing but `address`") as error:
        choose_for_daemon(config, "named")
    assert "backstride scan" in str(error.value)


@pytest.mark.parametrize(
    ("text", "wanted", "ids"),
    [
        (NAMED + SURE, "sure", ["sure"]),
        (NAMED + SURE, None, ["named", "sure"]),
        (NAMED + VIRTUAL, "named", ["named"]),
        (NAMED + SURE + VIRTUAL, "virtual", ["virtual"]),
        (ALONE, "alone", ["alone"]),
    ],
    ids=["an address", "one daemon for all", "no other real one", "itself virtual", "the only one"],
)
def test_who_has_an_address_or_is_alone_runs(read, text, wanted, ids):
    assert ids == [one.id for one in choose_for_daemon(read(text), wanted).treadmills]


def test_a_rescue_is_kept_from_no_treadmill(read):
    assert ["named"] == [one.id for one in choose_treadmill(read(NAMED + SURE), "named").treadmills]
