"""What the unit runs after the daemon: a short life that stops a belt, and does nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys

import pytest

from backstride.cli.main import main
from backstride.domain.events import Ownership
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.service.afterlife import is_stopped_for_good
from backstride.service.radios import Radios
from backstride.service.recovery import FileLedger, lock
from backstride.service.rescue import rescue
from backstride.virtual.log import STOP


class SameAir(Radios):
    """The radio by which a dead daemon reached its treadmills: they are still there."""

    def __init__(self, gym):
        super().__init__()
        self._gym = gym

    async def provide(self, treadmill):
        air = self._gym.service.radios._air
        radio = Radio(client=air.client_backend(), scanner=air.scanner_backend())
        return radio, ByAddress(self._gym.machine(treadmill.id).address)


@contextlib.asynccontextmanager
async def after_a_death(gym):
    """A gym whose daemon died while the belt on the left ran: nobody was told anything."""
    with contextlib.suppress(asyncio.CancelledError):
        async with gym:
            await gym.reach("left", "running")
            await asyncio.sleep(5)
            gym.task.cancel()
            await asyncio.wait({gym.task})
            yield gym.machine("left").log.writes


@pytest.mark.hazard("H10", "H25")
def test_a_belt_that_a_dead_daemon_left_is_stopped_and_proven_still(make_gym, run_paced, judge):
    async def story():
        gym = make_gym({"left": "ideal", "right": "ideal"})
        async with after_a_death(gym) as writes:
            machine, before = gym.machine("left"), len(writes)
            moved = machine.drive.belt.value > 0
            left = await rescue(gym.config, radios=SameAir(gym))
            untouched = gym.machine("right").log.writes
            return left, moved, writes[before:][-1].data, untouched, judge(machine, cap=200)

    assert ([], True, STOP, [], []) == run_paced(story())


@pytest.mark.hazard("H10")
def test_a_belt_that_cannot_be_reached_is_reported_and_stays_owed(make_gym, run_paced):
    async def story():
        gym = make_gym({"left": "ideal"})
        async with after_a_death(gym):
            left = await rescue(gym.config, 1, radios=SameAir(gym))
            ledger = FileLedger(gym.directory / "state/left")
            return left, await asyncio.to_thread(ledger.load) is not None

    assert (["left"], True) == run_paced(story())


@pytest.mark.hazard("H18")
def test_a_treadmill_that_a_daemon_runs_is_left_to_it(make_gym, run_paced):
    async def story():
        gym = make_gym({"left": "ideal"})
        async with gym:
            await gym.reach("left", "running")
            writes = gym.machine("left").log.writes
            before = len(writes)
            left = await rescue(gym.config, radios=SameAir(gym))
            stops = [write.data for write in writes[before:] if write.data == STOP]
            return left, stops

    assert ([], []) == run_paced(story())


SYSTEMCTL = """#!/bin/sh
echo "$@" >"$0.asked"
printf '%s\\n' {jobs}
exit {code}
"""


@pytest.mark.parametrize(
    ("jobs", "code", "expected"),
    [
        ("'917 backstride.service stop running'", 0, True),
        ("'917 backstride.service restart waiting'", 0, False),
        ("'917 backstride.service start waiting'", 0, False),
        ("", 0, False),
        ("'917 other.service stop running'", 0, False),
        ("", 1, True),
    ],
    ids=["stop", "restart", "start", "crash", "another's", "no answer"],
)
def test_systemd_is_asked_whether_a_next_life_comes(tmp_path, jobs, code, expected):
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(SYSTEMCTL.format(jobs=jobs, code=code))
    systemctl.chmod(0o755)
    assert expected == is_stopped_for_good("backstride.service", str(systemctl))


def test_where_there_is_no_systemd_nobody_else_stops_the_belt(tmp_path):
    assert is_stopped_for_good("backstride.service", str(tmp_path / "none"))


class TestTheCommand:
    @pytest.fixture
    def config(self, tmp_path, monkeypatch):
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
        file = tmp_path / "backstride.toml"
        file.write_text('[[treadmill]]\nid = "left"\nvirtual = "ideal"\n')
        return file

    def test_leaves_at_once_where_nothing_is_owed(self, config):
        config.write_text("broken")
        words = ["rescue", "--config", str(config), "--unless-restarted", "backstride.service"]
        assert main(words) == 0

    @pytest.mark.usefixtures("config")
    def test_imports_nothing_that_a_restart_would_have_to_wait_for(self, tmp_path):
        """With a belt that moves, each second between two lives is one more."""
        self.owe(tmp_path)
        code = (
            "import sys; from backstride.cli.rescue import main;"
            " main(['--unless-restarted', 'no.service']);"
            " print(sorted({'asyncio', 'bleak', 'msgspec', 'typer', 'structlog'} & set(sys.modules)))"
        )
        systemctl = tmp_path / "bin/systemctl"
        systemctl.parent.mkdir()
        systemctl.write_text(SYSTEMCTL.format(jobs="", code=0))
        systemctl.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PATH": f"{systemctl.parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "[]\n" == done.stdout

    def test_leaves_to_the_next_life_what_that_will_find(self, tmp_path, config, monkeypatch):
        self.owe(tmp_path)
        systemctl = tmp_path / "bin/systemctl"
        systemctl.parent.mkdir()
        systemctl.write_text(SYSTEMCTL.format(jobs="", code=0))
        systemctl.chmod(0o755)
        monkeypatch.setenv("PATH", str(systemctl.parent), prepend=":")
        words = ["rescue", "--config", str(config), "--unless-restarted", "backstride.service"]
        assert main(words) == 0
        assert (tmp_path / "state/left/owner.json").exists()

    def test_says_what_is_wrong_with_the_configuration(self, tmp_path, config, capsys):
        self.owe(tmp_path)
        assert main(["rescue", "--config", str(config), "--treadmill", "right"]) == 2
        assert "there is no 'right'; there are left" in capsys.readouterr().err

    def test_leaves_a_treadmill_alone_that_a_daemon_runs(self, tmp_path, config):
        self.owe(tmp_path)
        with lock(tmp_path / "state/left"):
            assert main(["rescue", "--config", str(config)]) == 0

    def owe(self, tmp_path):
        claim = Ownership(fingerprint="a", program="demo", target=100, distance=None, elapsed=None)
        assert asyncio.run(FileLedger(tmp_path / "state/left").write(claim))
