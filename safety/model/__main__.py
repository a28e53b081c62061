"""`python -m safety.model`: the model check from the command line.

python -m safety.model              what `make test` searches, on all cores
python -m safety.model --full       two acts of bad luck, three sets of timing constants, the 0.1 km/h grid
python -m safety.model --variants   the product broken on purpose: every variant must be found
python -m safety.model --scene NAME one machine; with --budget N, --timing NAME, --limit N
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterable

from safety.model.scene import MACHINES, TIMINGS, Scene, full, quick
from safety.model.search import Report, search
from safety.model.story import story
from safety.model.variants import VARIANTS, hunt


def main() -> int:
    """Run what was asked; 1 when a promise broke or a variant was missed."""
    parser = argparse.ArgumentParser(prog="python -m safety.model", description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--scene", choices=sorted({scene.name for scene in (*MACHINES, *quick())}))
    parser.add_argument("--budget", type=int, help="acts of bad luck")
    parser.add_argument("--timing", choices=sorted(TIMINGS))
    parser.add_argument("--limit", type=int, help="states a scene at most")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="the totals as JSON, last")
    chosen = parser.parse_args()
    if chosen.variants:
        return variants(as_json=chosen.json)
    scenes: Iterable[Scene] = full() if chosen.full else quick()
    if chosen.scene:
        scenes = [scene for scene in (*MACHINES, *quick()) if scene.name == chosen.scene][:1]
    if chosen.budget is not None:
        scenes = [scene.but(budget=chosen.budget) for scene in scenes]
    if chosen.timing:
        scenes = [scene.but(timing=chosen.timing) for scene in scenes]
    work = [(scene, chosen.limit) for scene in scenes]
    reports: list[Report] = []
    with multiprocessing.Pool(min(chosen.jobs, len(work)), maxtasksperchild=1) as pool:
        for report in pool.imap_unordered(_search, work, chunksize=1):
            print(report.line(), flush=True)
            if report.breach:
                print(story(report.scene, report.way, report.breach), flush=True)
            reports.append(report)
    states = sum(report.states for report in reports)
    transitions = sum(report.transitions for report in reports)
    broken = [report.scene.name for report in reports if report.breach]
    partial = [report.scene.name for report in reports if not report.complete and not report.breach]
    depth = max(report.depth for report in reports)
    seconds = sum(report.seconds for report in reports)
    print(
        f"{len(reports)} scenes: {states:,} states, {transitions:,} transitions, depth at most {depth},"
        f" {seconds:.0f} s of one core; breaches: {', '.join(broken) or 'none'};"
        f" not searched to the end: {', '.join(partial) or 'none'}"
    )
    if chosen.json:
        print(
            json.dumps(
                {
                    "states": states,
                    "transitions": transitions,
                    "breaches": broken,
                    "partial": partial,
                }
            )
        )
    return 1 if broken else 0


def _search(work: tuple[Scene, int | None]) -> Report:
    scene, limit = work
    return search(scene, limit, exact=False)


def variants(*, as_json: bool) -> int:
    """Break the product on purpose, one defect at a time."""
    missed = []
    for variant in VARIANTS:
        report = hunt(variant)
        if not report.breach:
            missed.append(variant.name)
        verdict = f"found  {report.breach}" if report.breach else "MISSED"
        print(
            f"{variant.hazard:<8} {variant.name:<54} {report.states:>7,} states, {len(report.way):>3} moves,"
            f" {report.seconds:5.1f} s  {verdict}",
            flush=True,
        )
    found = len(VARIANTS) - len(missed)
    print(f"{found} of {len(VARIANTS)} variants found; missed: {', '.join(missed) or 'none'}")
    if as_json:
        print(json.dumps({"variants": len(VARIANTS), "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
