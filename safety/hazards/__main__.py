"""`python -m safety.hazards`: write SAFETY.md and README's section; --check only says what is wrong."""

from __future__ import annotations

import argparse
import sys

from safety.hazards.catalogue import load
from safety.hazards.coverage import collect, complaints
from safety.hazards.page import PAGE, README, page, remainder, with_remainder


def main() -> int:
    """1 when hazards, code and tests do not agree, or with --check when a page is not what it should be."""
    parser = argparse.ArgumentParser(prog="python -m safety.hazards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    chosen = parser.parse_args()
    catalogue, proofs = load(), collect()
    wrong = complaints(catalogue, proofs)
    for sentence in wrong:
        print(sentence)
    if wrong:
        return 1
    pages = {
        PAGE: page(catalogue, proofs),
        README: with_remainder(README.read_text("utf-8"), remainder(catalogue)),
    }
    for path, text in pages.items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if chosen.check:
            wrong.append(f"{path.name} is not what python -m safety.hazards makes")
            print(wrong[-1])
        else:
            path.write_text(text, "utf-8")
            print(f"wrote {path.name}")
    tests = len(proofs)
    print(f"{len(catalogue.hazard)} hazards, {tests} tests that name them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
