"""`python -m safety.swarm`: many sessions, or one; see the package."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path

from safety.swarm.draw import draw_plan
from safety.swarm.minimise import minimise
from safety.swarm.plan import read_plan, write_plan
from safety.swarm.report import as_data, report
from safety.swarm.run import Tally, hush, play_plan, play_seeds, tell

CHUNK = 50
"""Seeds that a worker takes at once."""


def main() -> int:
    """Run the command; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m safety.swarm", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="write shortened plans of failing seeds here")
    parser.add_argument("--seed", type=int, help="play this seed only")
    parser.add_argument("--replay", type=Path, help="play this plan only")
    parser.add_argument("--story", action="store_true", help="tell what happened")
    parser.add_argument("--shorten", action="store_true", help="shorten it if it fails")
    parser.add_argument("--about", default="", help="keep only this complaint while shortening")
    parser.add_argument("--json", action="store_true", help="the totals as JSON, last")
    options = parser.parse_args()
    hush()
    if options.seed is not None or options.replay is not None:
        return _play_one(options)
    return _play_many(options)


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _play_one(options: argparse.Namespace) -> int:
    plan = read_plan(options.replay) if options.replay else draw_plan(options.seed)
    session = play_plan(plan)
    if session.complaints and options.shorten:
        wanted = tuple(c for c in session.complaints if options.about in c) or session.complaints
        session = play_plan(minimise(plan, wanted))
    _say(write_plan(session.world.plan))
    if options.story:
        _say(*tell(session))
    _say(*session.complaints or ("no promise was broken",))
    return 1 if session.complaints else 0


def _play_many(options: argparse.Namespace) -> int:
    end = options.first + options.sessions
    chunks = [range(at, min(at + CHUNK, end)) for at in range(options.first, end, CHUNK)]
    total, began = Tally(), time.perf_counter()
    with multiprocessing.Pool(options.workers, initializer=hush, maxtasksperchild=40) as pool:
        for done in pool.imap_unordered(play_seeds, chunks):
            total.add(done)
            for failure in done.failures:
                _say(f"seed {failure.plan.seed}: {'; '.join(failure.complaints[:3])}")
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{total.sessions}/{options.sessions}")
    seconds = time.perf_counter() - began
    _say(report(total, seconds))
    if options.keep:
        for failure in total.failures:
            short = minimise(failure.plan, failure.complaints)
            (options.keep / f"seed-{short.seed}.toml").write_text(write_plan(short), "utf-8")
    if options.json:
        _say(json.dumps(as_data(total, seconds)))
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
