"""`python -m safety.variants`: every unsafe variant must be noticed by the tests.

python -m safety.variants                     all of them
python -m safety.variants --only H16 stop-*    by hazard or by the beginning of a name
python -m safety.variants --json out.json      the results as data
python -m safety.variants --list               only list them

Exit code 1: a variant survived, its anchor is gone, or its tests did not run.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from safety.variants.catalogue import Variant, catalogue
from safety.variants.trial import Result, attempt


def main() -> int:
    """Try the variants, and report."""
    parser = argparse.ArgumentParser(
        prog="python -m safety.variants", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", default=["*"], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = [variant for variant in catalogue() if _wanted(variant, options.only)]
    if options.list:
        for variant in chosen:
            print(f"{variant.id:44} {' '.join(variant.hazards):16} {variant.why}")
        return 0
    results = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(attempt, chosen):
            print(row(result), flush=True)
            results.append(result)
    killed = sum(result.fate == "killed" for result in results)
    hazards = {hazard for result in results for hazard in result.variant.hazards}
    seconds = sum(result.seconds for result in results)
    print(f"{killed} of {len(results)} variants killed, {len(hazards)} hazards, {seconds:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(as_data(results), indent=1) + "\n")
    return int(killed != len(results))


def _wanted(variant: Variant, patterns: list[str]) -> bool:
    names = (variant.id, *variant.hazards)
    return any(fnmatch.fnmatch(name, pattern) for name in names for pattern in patterns)


def row(result: Result) -> str:
    """One line of the table."""
    variant, short = result.variant, result.by.rpartition("/")[2][:90]
    return f"{result.fate:9} {' '.join(variant.hazards):12} {variant.id:42} {result.seconds:6.1f} s  {short}"


def as_data(results: list[Result]) -> dict[str, object]:
    """What the evidence page needs."""
    return {
        "variants": len(results),
        "killed": sum(result.fate == "killed" for result in results),
        "hazards": sorted({hazard for result in results for hazard in result.variant.hazards}),
        "results": [
            {
                "id": result.variant.id,
                "hazards": result.variant.hazards,
                "why": result.variant.why,
                "fate": result.fate,
                "by": result.by,
                "seconds": round(result.seconds, 1),
            }
            for result in results
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
