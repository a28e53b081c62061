"""What the unit runs after the daemon: a short life that stops a belt, and does nothing else."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from backstride.cli.main import main
from backstride.domain.events import Ownership
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.service.owed import find_strays, remember
from backstride.service.radios import Radios
from backstride.service.recovery import FileLedger, lock
from backstride.service.rescue import rescue
from backstride.service.settings import Treadmill
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
            left = await rescue(gym.state, gym.config.treadmills, radios=SameAir(gym))
            untouched = gym.machine("right").log.writes
            return left, moved, writes[before:][-1].data, untouched, judge(machine, cap=200)

    assert ([], True, STOP, [], []) == run_paced(story())


@pytest.mark.hazard("H10")
def test_a_belt_that_the_configuration_names_no_more_is_found_by_what_the_dead_life_left(
    make_gym, run_paced, judge
):
    async def story():
        gym = make_gym({"left": "ideal", "right": "ideal"})
        async with after_a_death(gym) as writes:
            machine, before = gym.machine("left"), len(writes)
            strays = await asyncio.to_thread(find_strays, gym.state, {"right"})
            left = await rescue(gym.state, strays, radios=SameAir(gym))
            belt = machine.drive.belt.value
            return (
                [one.id for one in strays],
                left,
                belt,
                writes[before:][-1].data,
                judge(machine, cap=200),
            )

    assert (["left"], [], 0, STOP, []) == run_paced(story())


@pytest.mark.hazard("H10")
def test_a_belt_that_cannot_be_reached_is_reported_and_stays_owed(make_gym, run_paced):
    async def story():
        gym = make_gym({"left": "ideal"})
        async with after_a_death(gym):
            left = await rescue(gym.state, gym.config.treadmills, 1, radios=SameAir(gym))
            ledger = FileLedger(gym.state / "left")
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
            left = await rescue(gym.state, gym.config.treadmills, radios=SameAir(gym))
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

    def test_is_done_where_nothing_is_owed(self, config, capsys):
        assert main(["rescue", "--config", str(config)]) == 0
        assert capsys.readouterr().out == "no belt is owed a stop, but by a daemon that runs\n"

    def test_says_what_is_not_proven_still(self, tmp_path, config, capsys):
        self.owe(tmp_path)
        assert main(["rescue", "--config", str(config), "--time", "0"]) == 1
        assert "not proven still: left; go and look" in capsys.readouterr().err

    def test_says_what_is_wrong_with_the_configuration(self, tmp_path, config, capsys):
        self.owe(tmp_path)
        assert main(["rescue", "--config", str(config), "--treadmill", "right"]) == 1
        said = capsys.readouterr().err
        assert "there is no 'right'; there are left" in said
        assert "not proven still: left" in said

    def test_needs_neither_a_configuration_nor_to_be_told_where_the_service_keeps_its_state(
        self, tmp_path, config, capsys, monkeypatch
    ):
        monkeypatch.delenv("STATE_DIRECTORY")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
        monkeypatch.setattr("backstride.service.config.SYSTEM_STATE", tmp_path / "state")
        self.owe(tmp_path)
        remember(tmp_path / "state/left", Treadmill(id="left", name="left", virtual="ideal"))
        config.write_text("[[treadmill]\n")
        assert main(["rescue", "--config", str(config), "--treadmill", "left"]) == 2
        assert f"{config}: is not TOML" in capsys.readouterr().err
        assert find_strays(tmp_path / "state") == ()

    def test_leaves_a_treadmill_alone_that_a_daemon_runs(self, tmp_path, config, capsys):
        self.owe(tmp_path)
        with lock(tmp_path / "state/left"):
            assert main(["rescue", "--config", str(config)]) == 0
        assert "but by a daemon that runs" in capsys.readouterr().out

    def test_tells_of_a_claim_that_it_cannot_follow(self, tmp_path, config, capsys):
        self.owe(tmp_path)
        config.write_text('[[treadmill]]\nid = "right"\nvirtual = "ideal"\n')
        assert main(["rescue", "--config", str(config)]) == 1
        assert "a belt may be left moving and cannot be found" in "".join(capsys.readouterr())

    @pytest.mark.hazard("H10")
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[[treadmill]\n", (2, "is not TOML")),
            ('[[treadmill]]\nid = "right"\nvirtual = "ideal"\n', (1, "another backstride runs")),
        ],
        ids=[
            "a wrong configuration",
            "a treadmill that is configured no more",
        ],
    )
    def test_a_daemon_that_cannot_start_stops_what_is_owed_first(
        self, tmp_path, config, capsys, text, expected
    ):
        code, told = expected
        self.owe(tmp_path)
        remember(tmp_path / "state/left", Treadmill(id="left", name="left", virtual="ideal"))
        config.write_text(text)
        with lock(tmp_path / "state/right"):
            assert code == main(["run", "--config", str(config)])
        said = capsys.readouterr().err
        assert told in said
        assert "nothing is owed any more" in said
        assert find_strays(tmp_path / "state") == ()

    def owe(self, tmp_path):
        claim = Ownership(fingerprint="a", program="demo", target=100, distance=None, elapsed=None)
        assert asyncio.run(FileLedger(tmp_path / "state/left").write(claim))
