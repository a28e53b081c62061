"""Every shipped program on every virtual machine, on virtual time, judged by the machine's own log."""

from __future__ import annotations

import pytest

from backstride.domain.limits import Caps, SiteRules
from backstride.domain.workout import Level
from backstride.scripts.catalogue import Catalogue
from backstride.service.simulation import simulate
from backstride.virtual.catalogue import list_machines, load_machine

PROGRAMS = tuple(Catalogue.load())
JOG_SITE = SiteRules(caps=Caps(reason="an unlocked site", speed=800, incline=50), jog=True)
CREEPS = "kingsmith"
"""Goes on at 0.2 to 0.8 km/h after a Stop, so one Stop is not enough."""


def outcome(simulation):
    if simulation.refusal is not None:
        return f"refused: {simulation.refusal.code}"
    return f"{simulation.phase}: {simulation.reason}"


def count_runs(simulation):
    return 1 + sum(segment.turn for segment in simulation.session.workout.segments)


@pytest.mark.hazard("H04", "H05", "H06", "H07", "H20")
@pytest.mark.parametrize("machine", list_machines())
def test_every_program_ends_as_it_must_on(  # noqa: PLR0917  fixtures are named
    machine, judge, expect, matches, grace, record_property
):
    model = load_machine(machine)
    complaints = []
    for program in PROGRAMS:
        site = JOG_SITE if program.level is Level.LOCKED else SiteRules()
        simulation = simulate(program, model, site)
        ended, log = outcome(simulation), simulation.machine.log
        found = judge(
            simulation.machine,
            cap=program.max_speed,
            grace=grace.get(machine, 0),
            ours=ended.startswith(("finished: completed", "faulted")),
            at_rest=machine != "horizon-74",
        )
        if not matches(expect(machine, program.id), ended):
            found.append(f"ended {ended}")
        if ended == "finished: completed":
            runs = count_runs(simulation)
            starts = sum(write.result == 1 for write in log.starts)
            if starts != runs or (len(log.stops) != runs and machine != CREEPS):
                found.append(f"{starts} starts, {len(log.stops)} stops in {runs} runs")
        complaints += [f"{program.id}: {sentence}" for sentence in found]
        record_property(
            "figure",
            f"matrix {machine:15} {program.id:17} {ended:29} {simulation.duration / 1000:5.0f} s  top"
            f" {log.top_speed / 100:.2f}/{program.max_speed / 100:.2f}  rise {log.largest_rise() / 100:.2f}"
            f"  starts {len(log.starts)}  stops {len(log.stops):2}  commands {len(log.writes):3}",
        )
    assert complaints == []


def test_a_machine_that_cannot_run_a_program_says_which_limit_bit():
    hill, jog = (Catalogue.load().get(name) for name in ("hill", "backward-jog"))
    pad = load_machine("citysports")
    steep = simulate(hill, pad).refusal
    assert ("too_steep", "5.0 % is above 0.0 % (machine: the machine's own range)") == (
        steep.code,
        steep.sentence,
    )
    fast = simulate(jog, pad, JOG_SITE).refusal
    assert ("too_fast", "6.2 km/h is above 6.0 km/h (machine: the machine's own range)") == (
        fast.code,
        fast.sentence,
    )
    locked = simulate(jog, load_machine("ideal")).refusal
    assert locked.code in {"locked", "too_fast"}


def test_a_simulation_is_the_same_twice():
    program, model = Catalogue.load().get("demo"), load_machine("urevo-e1l")
    first, second = (simulate(program, model) for _ in range(2))
    assert first.machine.log.writes == second.machine.log.writes
    assert first.samples == second.samples
    assert first.session == second.session
