"""What an ordinary user is told about files that are the service's own: which command needs sudo."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "backstride.cli"]


@pytest.fixture
def closed(tmp_path):
    """A state directory with a journal, into which nobody but its owner may look."""
    state = tmp_path / "state"
    (state / "left" / "journal").mkdir(parents=True)
    (state / "left" / "journal" / "1.journal").touch()
    (tmp_path / "password").write_text("secret")
    for path, mode in ((tmp_path / "password", 0o600), (state, 0o700)):
        if os.geteuid() == 0:
            os.chown(path, 65_534, 65_534)
        path.chmod(mode if os.geteuid() == 0 else 0)
    yield state
    state.chmod(0o700)


@pytest.fixture
def say(tmp_path, closed):
    """Run a command as somebody who is not above permissions, as root is; what it says."""
    config = tmp_path / "backstride.toml"
    config.write_text(
        f'[broker]\nport = 1\nuser = "me"\npassword_file = "{tmp_path}/password"\n'
        f'[service]\nstate_directory = "{closed}"\n[[treadmill]]\nid = "left"\n'
    )
    powerless = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")

    def say(*words):
        done = subprocess.run(
            [*(powerless if os.geteuid() == 0 else ()), *COMMAND, *words],
            capture_output=True, text=True, check=False,
            env={**os.environ, "BACKSTRIDE_CONFIG": str(config)},
        )  # fmt: skip
        return done.returncode, done.stderr

    return say


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("plan", "--walker", "anna"), "plan --walker anna"),
        (("walkers", "add", "Anna Berg"), "walkers add 'Anna Berg'"),
        (("history", "week"), "history week"),
        (("replay",), "replay"),
        (("upload", "send", "intervals", "--new"), "upload send intervals --new"),
    ],
)
def test_what_the_service_keeps_is_told_with_the_command_that_was_typed(say, closed, words, typed):
    code, told = say(*words)
    assert (1, True) == (
        code,
        told.endswith(f" is the service's own; try: sudo backstride {typed}\n"),
    )
    assert told.startswith(str(closed))


def test_a_journal_that_is_named_is_no_exception(say, closed):
    path = closed / "left/journal/1.journal"
    expected = f"{path} is the service's own; try: sudo backstride replay {path}\n"
    assert (1, expected) == say("replay", str(path))


def test_a_login_that_may_not_be_read_is_told_with_sudo(say):
    code, told = say("upload", "logout", "intervals")
    assert (1, True) == (code, "Permission denied; put sudo before the command" in told)


def test_a_configuration_that_may_not_be_read_is_told_with_sudo(say, closed):
    file = closed / "backstride.toml"
    code, told = say("setup", "--config", str(file), "--yes", "--dry-run")
    assert (1, True) == (
        code,
        told.startswith(f"{file} is the service's own; try: sudo backstride"),
    )


def test_the_password_that_setup_stored_is_for_sudo(say, closed):
    code, told = say("start", "first-steps")
    assert (2, True) == (code, told.startswith("secret: broker.password_file: "))
    assert "(Permission denied); by hand, put sudo before the command" in told


def test_without_a_word_of_the_state_directory_replay_finds_the_services(
    run, tmp_path, monkeypatch
):
    journal = tmp_path / "service/left/journal/1.journal"
    journal.parent.mkdir(parents=True)
    journal.write_text("no journal\n")
    config = tmp_path / "backstride.toml"
    config.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr("backstride.service.config.SYSTEM_STATE", tmp_path / "service")
    assert f"{journal} is not a session journal" in run("replay", "--config", config).err
