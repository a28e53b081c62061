"""What the unit runs after the daemon: a short life that stops a belt, and does nothing else."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from backstride.cli.main import main
from backstride.domain.events import Ownership
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
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


class TestTheCommand:
    @pytest.fixture
    def config(self, tmp_path, monkeypatch):
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
        file = tmp_path / "backstride.toml"
        file.write_text('[[treadmill]]\nid = "left"\nvirtual = "ideal"\n')
        return file

    def test_is_done_where_nothing_is_owed(self, config):
        assert main(["rescue", "--config", str(config)]) == 0

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
