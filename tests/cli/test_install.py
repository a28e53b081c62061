"""`backstride install`: a service of a host, and none again; in a directory of the test's own."""

import asyncio
import os
import re
import shutil
import sys

import pytest

from backstride.cli.exits import Exit
from backstride.cli.install import install
from backstride.domain.events import Ownership
from backstride.resources import systemd_dir
from backstride.service.recovery import FileLedger

COMMAND = "/opt/pipx/venvs/backstride/bin/backstride"
UNITS = sorted(unit.name for unit in systemd_dir().glob("*.service"))
SCRIPTS = {
    "bash": "usr/local/share/bash-completion/completions/backstride",
    "zsh": "usr/local/share/zsh/site-functions/_backstride",
    "fish": "usr/local/share/fish/vendor_completions.d/backstride.fish",
}

needs_systemd = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("systemd-sysusers") is None,
    reason="the user is made by systemd-sysusers, and root may",
)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "host"
    (root / "etc").mkdir(parents=True)
    return root


@pytest.fixture
def act(run, root):
    def act(*words):
        return run("install", "--root", str(root), "--command", COMMAND, *words)

    return act


def picture(root):
    """Every file with its content."""
    return {
        path.relative_to(root): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def test_a_dry_run_shows_every_step_and_takes_none(act, root):
    before = picture(root)
    result = act("--dry-run")
    assert (Exit.OK, before) == (result.code, picture(root))
    written = re.findall(r"^write   (\S+)$", result.out, re.MULTILINE)
    ran = re.findall(r"^run     (\S+)", result.out, re.MULTILINE)
    assert (len(UNITS) + 6, ["systemd-sysusers", "systemd-tmpfiles"]) == (len(written), ran)


@needs_systemd
class TestInstalled:
    @pytest.fixture(autouse=True)
    def _installed(self, act):
        assert (Exit.OK, "") == ((result := act()).code, result.err)

    def test_the_units_start_this_command_and_no_other(self, root):
        units = {path.name: path.read_text() for path in (root / "etc/systemd/system").iterdir()}
        started = set(re.findall(r"/\S+/bin/backstride", "".join(units.values())))
        assert (UNITS, {COMMAND}) == (sorted(units), started)

    def test_the_user_and_the_directories_are_there(self, root):
        assert "backstride:" in (root / "etc/passwd").read_text()
        assert (root / "etc/backstride/programs").is_dir()
        state = (root / "var/lib/backstride").stat()
        uid = re.search(r"^backstride:x:(\d+):", (root / "etc/passwd").read_text(), re.MULTILINE)[1]
        assert (0o700, int(uid)) == (state.st_mode & 0o777, state.st_uid)

    @pytest.mark.parametrize("shell", SCRIPTS)
    def test_a_shell_completes_the_command(self, root, shell):
        assert "_BACKSTRIDE_COMPLETE" in (root / SCRIPTS[shell]).read_text()

    def test_a_second_time_changes_nothing(self, act, root):
        before = picture(root)
        again = act()
        assert (Exit.OK, before) == (again.code, picture(root))
        assert "write" not in again.out

    def test_a_configuration_that_somebody_wrote_is_kept(self, act, root):
        settings = root / "etc/backstride/backstride.toml"
        settings.write_text("# mine\n")
        result = act()
        assert ("# mine\n", True) == (settings.read_text(), f"keep    {settings}" in result.out)

    def test_undoing_keeps_sessions_and_settings(self, act, root):
        session = root / "var/lib/backstride/left/journal/1.journal"
        session.parent.mkdir(parents=True)
        session.touch()
        os.utime(session, (1, 1))
        result = act("--undo")
        left = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        ours = {path for path in left if "backstride" in path}
        assert Exit.OK == result.code
        assert {
            "etc/backstride/backstride.toml",
            "var/lib/backstride/left/journal/1.journal",
        } == ours

    def test_purging_leaves_nothing(self, act, root):
        secret = root / "etc/credstore/backstride.mqtt-password"
        secret.parent.mkdir(exist_ok=True)
        secret.write_text("secret")
        (secret.parent / "backstride.exporter-key").touch()
        (root / "var/cache/backstride-speaker").mkdir(parents=True)
        enabled = root / "etc/systemd/system/multi-user.target.wants/backstride.service"
        enabled.parent.mkdir()
        enabled.symlink_to("../backstride.service")
        assert Exit.OK == act("--undo", "--purge").code
        assert [] == list(root.rglob("*backstride*"))
        assert "backstride:" not in (root / "etc/passwd").read_text()

    def test_undoing_twice_is_no_error(self, act):
        assert (Exit.OK, Exit.OK) == (act("--undo").code, act("--undo").code)

    def test_the_hardware_s_watchdog_is_for_those_who_ask(self, act, root):
        drop_in = root / "etc/systemd/system.conf.d/backstride-watchdog.conf"
        assert not drop_in.exists()
        act("--hardware-watchdog")
        assert "\nRuntimeWatchdogSec=14s\n" in drop_in.read_text()
        act("--undo")
        assert not drop_in.exists()


@pytest.mark.hazard("H25")
@pytest.mark.parametrize("words", [(), ("--undo",), ("--undo", "--purge")])
def test_during_a_session_nothing_is_touched(act, root, words):
    claim = Ownership(fingerprint="a", program="demo", target=100, distance=None, elapsed=None)
    assert asyncio.run(FileLedger(root / "var/lib/backstride/left").write(claim))
    before = picture(root)
    result = act(*words)
    assert (Exit.REFUSED, before) == (result.code, picture(root))
    assert "a session is running on left" in result.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_who_is_not_root_is_told_to_use_sudo(run):
    assert "sudo backstride install" in run("install").err


class TestFromThePackage:
    @pytest.fixture(autouse=True)
    def _packaged(self, monkeypatch):
        monkeypatch.setattr(sys, "prefix", "/opt/backstride")

    def test_there_is_nothing_to_install(self, run):
        result = run("install")
        assert (Exit.OK, True) == (result.code, "the package has installed all this" in result.out)

    def test_apt_undoes_it(self, run):
        result = run("install", "--undo")
        assert (Exit.REFUSED, True) == (result.code, "apt remove backstride" in result.err)

    def test_the_hardware_s_watchdog_is_still_for_those_who_ask(self, run):
        result = run("install", "--hardware-watchdog", "--dry-run")
        assert [
            "write   /etc/systemd/system.conf.d/backstride-watchdog.conf",
            "run     systemctl daemon-reexec",
            "nothing was written or run",
        ] == result.out.splitlines()


def test_purging_alone_is_no_sentence(run):
    assert Exit.USAGE == run("install", "--purge").code


def test_a_step_that_fails_says_which(act, root):
    (root / "etc/sysusers.d").touch()
    result = act()
    assert (Exit.REFUSED, True) == (result.code, "etc/sysusers.d/backstride.conf" in result.err)


def test_the_help_says_that_nothing_is_started():
    assert "Starts nothing" in (install.__doc__ or "")
