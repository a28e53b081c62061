"""`config`, `virtual --list`, `scan`, `replay` and `support-bundle`."""

import json
import time
import tomllib

import pytest

from backstride.cli.exits import Exit
from backstride.service.config import Config, read_config
from backstride.service.identity import take_own


def test_config_prints_a_configuration_that_means_the_same(run, tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        '[broker]\nuser = "b"\ncredential = "x"\n[broker.tls]\nca = "/a"\n[site]\nname = "the \\"gym\\""\n'
        f'max_speed = "2.5 mph"\n[service]\nstate_directory = "{tmp_path}"\n[[treadmill]]\nid = "a"\n'
        'virtual = "ideal"\n[treadmill.walker]\nmax_backward_time = "90 s"\n[[treadmill]]\nid = "b"\n'
        'address = "AA:BB:CC:DD:EE:FF"\n'
    )
    again = tmp_path / "again.toml"
    again.write_text(run("config", "--config", path).out)
    first, second = take_own(read_config(path)), read_config(again)
    assert second == Config(
        broker=first.broker,
        site=first.site,
        service=first.service,
        programs=first.programs,
        homeassistant=first.homeassistant,
        guidance=first.guidance,
        export=first.export,
        treadmills=first.treadmills,
        file=str(again),
    )


def test_config_as_json_is_the_same(run, tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[[treadmill]]\nid = "a"\n')
    printed = tomllib.loads(run("config", "--config", path).out)
    assert json.loads(run("config", "--config", path, "--json").out) == {"programs": {}, **printed}


def test_the_virtual_machines_are_listed(run):
    names = [machine["name"] for machine in json.loads(run("virtual", "--list", "--json").out)]
    assert {"ideal", "citysports", "urevo-e1l", "omega-z", "split-record", "mph"} <= set(names)
    assert "ideal" in run("virtual").out


def test_a_transport_that_cannot_be_used_is_told(run):
    result = run("virtual", "--machine", "ideal", "--transport", "serial:/dev/nowhere")
    assert (result.code, "serial:/dev/nowhere cannot be used" in result.err) == (Exit.REFUSED, True)


def test_scan_without_bluetooth_says_what_to_look_at(run, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
    result = run("scan", "--time", "1")
    assert (result.code, "bluetoothctl show" in result.err, result.out) == (Exit.REFUSED, True, "")


class TestReplay:
    @pytest.fixture
    def told(self, run, home):
        """A session that was armed and stopped, as `replay` tells it once the disk has it all."""
        if not list(home.state.glob("*/journal/*")):
            assert run("start", "demo", "--config", home.config).code == Exit.OK
            assert run("stop", "--config", home.config).code == Exit.OK
        end = time.monotonic() + 20
        while "■ finished" not in (result := run("replay", "--config", home.config)).out:
            assert time.monotonic() < end, result
        return result

    def test_tells_the_newest_session(self, told):
        assert (told.code, "asked: stop" in told.out) == (Exit.OK, True)
        assert "-demo.journal: demo, " in told.out.splitlines()[-1]

    @pytest.mark.usefixtures("told")
    def test_writes_a_json_object_a_line(self, run, home):
        lines = run("replay", "--config", home.config, "--json").out.splitlines()
        assert {"event", "phase", "orders", "notices"} == set(json.loads(lines[0]))

    @pytest.mark.usefixtures("told")
    def test_tells_the_same_from_a_support_bundle(self, run, home, told, tmp_path):
        bundle = tmp_path / "bundle.tar.gz"
        packed = run("support-bundle", "--config", home.config, "--output", bundle)
        assert (packed.code, "look through it first" in packed.out) == (Exit.OK, True)
        assert (told.out, 0o600) == (run("replay", bundle).out, bundle.stat().st_mode & 0o777)
        again = run("support-bundle", "--config", home.config, "--output", bundle)
        assert (again.code, "is there already" in again.err) == (Exit.REFUSED, True)

    def test_of_a_file_that_is_no_journal_is_refused(self, run, home):
        result = run("replay", home.config)
        assert (result.code, "is not a session journal" in result.err) == (Exit.REFUSED, True)

    def test_without_any_journal_says_where_it_looked(self, run, tmp_path):
        config = tmp_path / "c.toml"
        config.write_text(f'[service]\nstate_directory = "{tmp_path}/state"')
        result = run("replay", "--config", config)
        assert (result.code, f"no journal under {tmp_path}/state" in result.err) == (
            Exit.USAGE,
            True,
        )
