"""The proofs: which command, how much of it, and what its figures must be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from safety.evidence import run
from safety.evidence.junit import Ran
from safety.evidence.section import Bar, Figure, Section
from safety.hazards.catalogue import ROOT, Catalogue, load

CORES: Final = str(os.cpu_count() or 1)
ELSEWHERE: Final = ("tests/model", "tests/simulation", "tests/ble", "tests/fuzz")
"""Their proofs are sections of their own."""
SLOW: Final = ("tests/system", "tests/cli")
"""Real processes and brokers by the dozen: not in a quick run."""
STATES: Final = 300_000
"""Fewer states than these, and the search lost sight of something."""
CELLS: Final = 60
VARIANTS: Final = 30
KINDS: Final = 20
"""Kinds of mishaps: a swarm in which little happens proves little."""


class Size(Struct, frozen=True, kw_only=True):
    """How much of everything. Seconds are limits after which a command is given up as broken."""

    name: str
    model: tuple[str, ...] = ()
    model_variants: bool = True
    sessions: int = 4_000
    cells: str = ""
    """An expression of pytest's -k; all cells when empty."""
    slow: bool = True
    fuzz: int = 30
    variants: bool = True
    mutants: tuple[str, ...] | None = ("--every", "8", "--budget", "600")
    limit: float = 3_600


QUICK: Final = Size(
    name="quick", model_variants=False, sessions=150, cells="running or starting", slow=False, fuzz=2,
    variants=False, mutants=None, limit=600,
)  # fmt: skip
USUAL: Final = Size(name="usual")
RELEASE: Final = Size(
    name="release", model=("--full",), sessions=1_000_000, fuzz=600, mutants=(), limit=7 * 86_400
)
NOT_QUICK: Final = "left out by --quick"


def model(size: Size) -> Section:
    """The exhaustive check."""
    name, title, command = "model", "Exhaustive model check", "python -m safety.model"
    if not run.exists("safety.model"):
        return _absent(name, title, command)
    done = run.module("safety.model", "--json", "--jobs", CORES, *size.model, limit=size.limit)
    data = done.data
    if done.trouble:
        return _broke(name, title, done)
    breaches, partial = data["breaches"], data["partial"]
    luck = (
        "two acts of bad luck"
        if "--full" in size.model
        else "one act of bad luck (here and there two)"
    )
    return Section(
        name=name, title=title, command=done.command, seconds=done.seconds,
        claim=f"Every state that {luck} can lead to, {data['states']:,} with {data['transitions']:,} ways"
        " between them, was visited with the product's own step() and permit(), a treadmill and people"
        f" around them: {_none(breaches)} broke a promise.",
        figures={
            "states": data["states"], "transitions": data["transitions"], "breaches": len(breaches),
            "scenes_not_finished": len(partial),
        },
        bars=(
            Bar(what="states", figure=data["states"], at_least=STATES),
            Bar(what="broken promises", figure=len(breaches), at_most=0),
            Bar(what="searches that did not finish", figure=len(partial), at_most=0),
        ),
        broken=tuple(f"a promise broke in the scene {scene}" for scene in breaches),
    )  # fmt: skip


def model_variants(size: Size) -> Section:
    """The exhaustive check can find what it looks for."""
    name, title = "model_variants", "The model check finds defects"
    command = "python -m safety.model --variants"
    if not run.exists("safety.model"):
        return _absent(name, title, command)
    if not size.model_variants:
        return Section.left_out(name, title, command, NOT_QUICK)
    done = run.module("safety.model", "--variants", "--json", limit=size.limit)
    if done.trouble:
        return _broke(name, title, done)
    planted, missed = done.data["variants"], done.data["missed"]
    return Section(
        name=name, title=title, command=done.command, seconds=done.seconds,
        claim=f"Of {planted} defects planted in the core, the search found {planted - len(missed)}.",
        figures={"planted": planted, "found": planted - len(missed), "missed": missed},
        bars=(Bar(what="defects that it missed", figure=len(missed), at_most=0),),
        broken=tuple(f"missed: {each}" for each in missed),
    )  # fmt: skip


def swarm(size: Size) -> Section:
    """The simulation."""
    name, title, command = "swarm", "Deterministic simulation", "python -m safety.swarm"
    if not run.exists("safety.swarm"):
        return _absent(name, title, command)
    wanted = ("--sessions", str(size.sessions), "--workers", CORES)
    done = run.module("safety.swarm", "--json", *wanted, limit=size.limit)
    data = done.data
    if done.trouble:
        return _broke(name, title, done)
    return Section(
        name=name, title=title, command=done.command, seconds=done.seconds,
        claim=f"{data['sessions']:,} sessions of the whole service, seeds 0 to {data['sessions'] - 1},"
        f" {data['hours']:,} simulated hours,"
        f" {data['mishaps']:,} mishaps of {data['kinds']} kinds, {data['starts']:,} starts:"
        f" {_none(data['broken'])}"
        " broke a promise.",
        figures={
            "sessions": data["sessions"], "simulated_hours": data["hours"],
            "faults_injected": data["mishaps"], "kinds": data["kinds"], "lives": data["lives"],
            "starts": data["starts"], "stops": data["stops"],
            "failing_seeds": [str(seed) for seed in data["broken"]],
        },
        bars=(
            Bar(what="sessions", figure=data["sessions"], at_least=size.sessions),
            Bar(what="kinds of mishaps", figure=data["kinds"], at_least=KINDS),
            Bar(what="starts", figure=data["starts"], at_least=size.sessions // 2),
            Bar(what="sessions that broke a promise", figure=len(data["broken"]), at_most=0),
        ),
        broken=tuple(f"python -m safety.swarm --seed {seed} --story" for seed in data["broken"]),
    )  # fmt: skip


def bluetooth(size: Size) -> Section:
    """The fault matrix."""
    name, title, command = "bluetooth", "Bluetooth fault matrix", "pytest tests/ble"
    if not (ROOT / "tests/ble/test_matrix.py").exists():
        return _absent(name, title, command)
    some = ("-k", size.cells) if size.cells else ()
    done, tests = run.pytest("-n", CORES, "tests/ble", *some, limit=size.limit)
    if tests is None:
        return _broke(name, title, done)
    bar = CELLS if not size.cells else CELLS // 3
    return Section(
        name=name, title=title, command=done.command, seconds=done.seconds,
        claim=f"{tests.passed} cells of fault by moment over a whole Bluetooth stack, each judged by"
        " what the treadmill saw:"
        f" {_none(tests.failed)} went wrong.",
        figures={"cells": tests.passed, "failed": len(tests.failed), "skipped": tests.skipped},
        bars=(
            Bar(what="cells", figure=tests.passed, at_least=bar),
            Bar(what="cells that went wrong", figure=len(tests.failed), at_most=0),
        ),
        broken=tests.failed,
    )  # fmt: skip


def hazards(size: Size) -> Section:
    """Every hazard has a test that passed just now."""
    name, title = "hazards", "Hazards covered"
    left = [*ELSEWHERE, *(() if size.slow else SLOW)]
    ignored = [f"--ignore={place}" for place in left]
    done, tests = run.pytest("-n", CORES, "-m", "hazard", *ignored, "tests", limit=size.limit)
    if tests is None:
        return _broke(name, title, done)
    return judge_hazards(load(), tests, done)


def judge_hazards(catalogue: Catalogue, tests: Ran, done: run.Done) -> Section:
    """Covered is what a test proved in this run, and none refuted."""
    every = [hazard.id for hazard in catalogue.hazard]
    covered = [each for each in every if tests.proven.get(each) and not tests.refuted.get(each)]
    uncovered = [each for each in every if each not in covered]
    return Section(
        name="hazards", title="Hazards covered", command=done.command, seconds=done.seconds,
        claim=f"{len(covered)} of {len(every)} known hazards have tests of their own that passed in"
        f" this run ({tests.passed:,}"
        " cases here, besides those of the other sections).",
        figures={
            "hazards": len(every), "covered": len(covered), "uncovered": uncovered,
            "cases": tests.passed, "failed": len(tests.failed), "skipped": tests.skipped,
            "weakly_proven": [hazard.id for hazard in catalogue.hazard if hazard.weak],
        },
        bars=(
            Bar(what="hazards covered", figure=len(covered), at_least=len(every)),
            Bar(what="cases that failed", figure=len(tests.failed), at_most=0),
        ),
        broken=tests.failed,
    )  # fmt: skip


def fuzz(size: Size) -> Section:
    """Bytes of strangers."""
    name, title, command = "fuzz", "Fuzzing", "python -m safety.fuzz"
    if not run.exists("safety.fuzz"):
        return _absent(name, title, command)
    done = run.module("safety.fuzz", "--json", "--seconds", str(size.fuzz), limit=size.limit)
    if done.trouble:
        return _broke(name, title, done)
    inputs, flaws = done.data["inputs"], done.data["flaws"]
    return Section(
        name=name, title=title, command=f"{done.command} --seed {done.data['seed']}", seconds=done.seconds,
        claim=f"{sum(inputs.values()):,} hostile inputs to {', '.join(inputs)}, {size.fuzz} s each:"
        f" {_none(flaws)} broke a promise.",
        figures={"inputs": sum(inputs.values()), "targets": list(inputs), "flaws": flaws},
        bars=(Bar(what="flaws", figure=len(flaws), at_most=0),),
        broken=tuple(f"a flaw in {each}" for each in flaws),
    )  # fmt: skip


def variants(size: Size) -> Section:
    """Defects written by hand, which the tests must notice."""
    name, title, command = "variants", "Unsafe variants", "python -m safety.variants"
    if not run.exists("safety.variants"):
        return _absent(name, title, command)
    if not size.variants:
        return Section.left_out(name, title, command, NOT_QUICK)
    done = run.module_with_file("safety.variants", "--jobs", CORES, limit=size.limit)
    if done.trouble:
        return _broke(name, title, done)
    data = done.data
    lived = [each["id"] for each in data["results"] if each["fate"] != "killed"]
    return Section(
        name=name, title=title, command=done.command, seconds=done.seconds,
        claim=f"Of {data['variants']} hand-written dangerous defects for {len(data['hazards'])}"
        " hazards, the tests noticed"
        f" {data['killed']}.",
        figures={
            "variants": data["variants"], "killed": data["killed"],
            "hazards": len(data["hazards"]), "survived": lived,
        },
        bars=(
            Bar(what="variants", figure=data["variants"], at_least=VARIANTS),
            Bar(what="variants that nobody noticed", figure=len(lived), at_most=0),
        ),
        broken=tuple(f"not killed: {each}" for each in lived),
    )  # fmt: skip


def mutants(size: Size) -> Section:
    """Defects made by a machine, which the tests must notice."""
    name, title, command = "mutants", "Mutation testing of the core", "python -m safety.mutants"
    if not run.exists("safety.mutants"):
        return _absent(name, title, command)
    if size.mutants is None:
        return Section.left_out(name, title, command, NOT_QUICK)
    done = run.module_with_file("safety.mutants", *size.mutants, limit=size.limit)
    if done.trouble:
        return _broke(name, title, done)
    data = done.data
    killed, lived = data["killed"] + data["timeout"], data["survived"] + data["uncovered"]
    unexplained = [each["name"] for each in data["survivors"] if not each["reason"]]
    return Section(
        name=name, title=title, command=done.command, seconds=done.seconds,
        claim=f"Of {data['judged']:,} small defects{_sample(data, size)}, the tests noticed {killed:,};"
        f" {data['accepted']:,}"
        f" change nothing that matters, each for a written reason; {_none(unexplained)} without one.",
        figures={
            "mutants": data["mutants"], "judged": data["judged"], "killed": killed,
            "accepted": data["accepted"], "survived": lived, "not_judged": data["not_run"],
        },
        bars=(
            Bar(what="mutants judged", figure=data["judged"], at_least=1),
            Bar(what="unexplained survivors", figure=lived, at_most=0),
        ),
        broken=tuple(f"survived: {each}" for each in unexplained),
    )  # fmt: skip


def _sample(data: dict[str, int], size: Size) -> str:
    parts = []
    if size.mutants and "--every" in size.mutants:
        parts.append(f"a sample of one in {size.mutants[size.mutants.index('--every') + 1]}")
    if data["not_run"]:
        parts.append(f"{data['not_run']:,} more were not judged in the time given")
    return f" ({'; '.join(parts)})" if parts else ""


def _none(found: Iterable[object]) -> str:
    count = len(list(found))
    return str(count) if count else "none"


def _absent(name: str, title: str, command: str) -> Section:
    return Section.left_out(name, title, command, "the command is not in this repository")


def _broke(name: str, title: str, done: run.Done) -> Section:
    trouble = done.trouble or (f"`{done.command}` ended with {done.code}",)
    return Section(
        name=name, title=title, command=done.command, seconds=done.seconds, broken=trouble
    )


type Proving = Callable[[Size], Section]
PROOFS: Final[dict[str, Proving]] = {
    "hazards": hazards,
    "model": model,
    "model_variants": model_variants,
    "swarm": swarm,
    "bluetooth": bluetooth,
    "fuzz": fuzz,
    "variants": variants,
    "mutants": mutants,
}
"""In the order in which they are run and told; none is ever skipped in silence."""


def figures(sections: Iterable[Section]) -> dict[str, dict[str, Figure]]:
    """Every figure by its section."""
    return {section.name: section.figures for section in sections if section.ran}
