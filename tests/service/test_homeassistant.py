"""From the configuration to the bus: whether Home Assistant is told, where, and under which name."""

from __future__ import annotations

import pytest

from backstride.mqtt.settings import HomeAssistant
from backstride.service.assembly import broker_settings
from backstride.service.config import read_config
from backstride.service.configreader import ConfigError

TREADMILL = '[[treadmill]]\nid = "living-room"\nname = "Living room"\n'


@pytest.fixture
def configure(tmp_path):
    def configure(text):
        path = tmp_path / "backstride.toml"
        path.write_text(text + TREADMILL)
        config = read_config(path)
        return broker_settings(config, config.treadmills[0], None).homeassistant

    return configure


def test_it_is_told_unless_configured_otherwise(configure):
    assert configure("") == HomeAssistant(prefix="homeassistant", name="Living room")
    assert configure("[homeassistant]\ndiscovery = false\n") is None


def test_the_discovery_prefix_is_its_own_matter(configure):
    text = '[homeassistant]\nprefix = "home/ha"\n'
    assert configure(text) == HomeAssistant(prefix="home/ha", name="Living room")


@pytest.mark.parametrize("prefix", ["", "home/#", "+", "$SYS", "/ha", 'a"b'])
def test_a_prefix_that_cannot_be_a_topic_is_refused(configure, prefix):
    with pytest.raises(ConfigError, match=r"homeassistant\.prefix|TOML"):
        configure(f'[homeassistant]\nprefix = "{prefix}"\n')
