"""The benchmark runs end to end and its arithmetic is right; its figures are judged by `make bench`."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from backstride.mqtt.broker import find_mosquitto
from backstride.scripts.reader import read_program

pytest.importorskip("bumble")
pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def _bench_is_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))


def test_percentiles_are_values_that_were_measured():
    from bench.measure import percentile

    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99)) == (51.0, 100.0)


def test_lags_are_counted_from_the_first_boundary_of_each_direction():
    from bench.measure import find_lags
    from bench.plan import STEP_S

    second = 1_000_000_000
    falls_and_rises = ((0, 120), (1, 100), (2, 120), (3, 100), (4, 120))
    writes = [
        (
            "a",
            index * STEP_S * second + (7_000_000 if index == 3 else 0),
            b"\x02" + speed.to_bytes(2, "little"),
        )
        for index, speed in falls_and_rises
    ]
    assert find_lags(writes, "a") == (0.0, 7.0)


def test_the_program_of_the_bench_is_one_that_backstride_reads():
    from bench.plan import STEPS, program_yaml

    program = read_program(program_yaml(), "bench-steps")
    assert program.name == "Bench steps"
    assert len(STEPS) >= 10


@pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")
@pytest.mark.timeout(120)
async def test_both_peers_stop_and_tell_over_the_same_radio_and_broker(tmp_path):
    from bench.field import open_field
    from bench.peers import Kind
    from bench.plan import Plan
    from bench.run import take_turns

    plan = replace(Plan(), rounds=1, samples=3, starts=0)
    async with asyncio.timeout(100), open_field(tmp_path) as field:
        starts, latencies = await take_turns(field, plan, 1)
    assert {kind: len(found) for kind, found in starts.items()} == dict.fromkeys(Kind, 1)
    for found in latencies.values():
        assert [(len(part.stop), len(part.telemetry)) for part in found] == [(3, 3)]
        assert [(part.stops_lost, part.frames_lost) for part in found] == [(0, 0)]
