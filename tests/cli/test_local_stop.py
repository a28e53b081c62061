"""`backstride stop` on the treadmill's own host works when the broker is gone (hazard H12)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from backstride.cli import commands, terminal
from backstride.cli.main import main
from backstride.mqtt.broker import Mosquitto, free_port
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.service.local import STOP, _find_holders, announce, find_daemons, stop_all
from backstride.service.recovery import CLAIM, lock

NOBODY = 65_534
CONFIG = """
[broker]
host = "127.0.0.1"
port = {port}
[service]
state_directory = "{state}"
[[treadmill]]
id = "here"
virtual = "ideal"
"""


@pytest.fixture
def came():
    """The stop signals that this process got."""
    numbers = []
    before = signal.signal(STOP, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(STOP, before)


async def daemon(config):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backstride.cli", "run", "--config", str(config),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def next_phase(remote, *phases):
    async with asyncio.timeout(30):
        async for news in remote.news():
            if news.topic == "state":
                phase = json.loads(news.payload)["phase"]
                if phase in phases:
                    return phase
    raise AssertionError("no more states")


@pytest.mark.hazard("H12")
@pytest.mark.parametrize("known", ["there is none", "it has just started and knows nobody"])
async def test_stop_reaches_the_daemon_by_a_signal_when_no_broker_knows_it(tmp_path, known):
    """A broker that started anew is there before the daemon is on it again."""
    config, elsewhere = tmp_path / "backstride.toml", tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with Mosquitto(tmp_path) as broker, Mosquitto(elsewhere) as other:
        asked = free_port() if known == "there is none" else other.port
        config.write_text(CONFIG.format(port=broker.port, state=tmp_path / "state"))
        process = await daemon(config)
        try:
            async with Remote(RemoteSettings(host="127.0.0.1", port=broker.port)) as remote:
                assert await next_phase(remote, "idle") == "idle"
                # The command line is told of another broker than the daemon's.
                command = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "backstride.cli", "stop", "--config", str(config),
                    "--broker", f"127.0.0.1:{asked}",
                    stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                )  # fmt: skip
                seen = await next_phase(remote, "stopping", "finished")
                output, _ = await command.communicate()
            assert seen in {"stopping", "finished"}
            assert command.returncode == 0
            assert b"Stop was given to the daemon on this host: here" in output
        finally:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


@pytest.mark.hazard("H12")
async def test_stop_needs_no_configuration_that_can_be_read(tmp_path, monkeypatch, capsys, came):
    home = tmp_path / "here"
    home.mkdir()
    config = tmp_path / "backstride.toml"
    config.write_text("[[treadmill")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    with lock(home):
        announce(home)
        code = await asyncio.to_thread(main, ["stop", "--config", str(config)])
    said = " ".join(capsys.readouterr().out.split())
    assert (0, [STOP]) == (code, came)
    assert "is not TOML" in said
    assert "Stop was given to the daemon on this host: here" in said


@pytest.mark.hazard("H10")
def test_who_would_stop_a_belt_that_nobody_has_is_told_how(tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / CLAIM).touch()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert main(["stop", "--broker", f"127.0.0.1:{free_port()}", "--id", "here"]) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "The belt of here may be moving" in said
    assert "sudo -u backstride backstride rescue" in said


@pytest.mark.hazard("H12")
async def test_of_several_treadmills_all_are_stopped_when_none_is_named(
    tmp_path, monkeypatch, capsys, came
):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    async with Mosquitto(tmp_path) as broker:
        config = tmp_path / "backstride.toml"
        more = '[[treadmill]]\nid = "there"\nvirtual = "ideal"\n'
        text = CONFIG.format(port=broker.port, state=tmp_path) + more
        config.write_text(text.replace("[broker]", '[broker]\nuser = "{treadmill}"'))
        (tmp_path / "here").mkdir()
        with lock(tmp_path / "here"):
            announce(tmp_path / "here")
            code = await asyncio.to_thread(main, ["stop", "--config", str(config)])
    said = " ".join(capsys.readouterr().out.split())
    assert (0, [STOP]) == (code, came)
    assert "each treadmill has its own access here; choose one with --id: here, there" in said
    assert "Stop was given to the daemon on this host: here" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes somebody else; nobody else can")
def test_who_may_not_look_is_told_to_ask_root(tmp_path, capsys):
    tmp_path.chmod(0o700)
    terminal.complain("")  # what it needs is loaded by now
    os.seteuid(NOBODY)
    try:
        assert commands._stop_locally({tmp_path}, None) == []
    finally:
        os.seteuid(0)
    said = " ".join(capsys.readouterr().err.split())
    assert f"those of {tmp_path}" in said.replace("\n", "")
    assert "sudo backstride stop" in said


def test_a_process_id_that_could_not_be_written_is_had_from_the_kernel(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as stranger, lock(tmp_path / "here"):
        (tmp_path / "here" / "pid").write_text(f"{stranger.pid}\n")
        if not _find_holders(tmp_path / "here" / "lock"):
            stranger.kill()
            pytest.skip("the kernel does not tell whose locks this file system has")
        try:
            assert find_daemons([tmp_path]) == {os.getpid(): ["here"]}
        finally:
            stranger.kill()


@pytest.mark.parametrize("content", ["", "no number", "1"])
def test_a_process_id_whose_lock_is_free_is_never_signalled(tmp_path, content):
    home = tmp_path / "gone"
    home.mkdir()
    (home / "pid").write_text(content, encoding="ascii")
    (home / "lock").write_bytes(b"")
    assert find_daemons([tmp_path]) == {}
    assert stop_all([tmp_path]) == ([], [])


@pytest.mark.parametrize(
    ("asked", "reached"), [("here", ["here"]), (None, ["here"]), ("there", [])]
)
def test_only_the_daemon_of_a_named_treadmill_is_signalled(tmp_path, came, asked, reached):
    home = tmp_path / "here"
    home.mkdir()
    with lock(home):
        announce(home)
        assert stop_all([tmp_path], asked) == (reached, [])
    assert len(came) == len(reached)
