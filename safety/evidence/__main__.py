"""`python -m safety.evidence`: what a release may claim, from fresh runs; see the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from safety.evidence.origin import origin
from safety.evidence.page import as_json, holds, markdown
from safety.evidence.proofs import PROOFS, QUICK, RELEASE, USUAL
from safety.evidence.section import Section
from safety.hazards.catalogue import ROOT, load


def main() -> int:
    """1 when a figure is below its bar, or a command broke."""
    parser = argparse.ArgumentParser(prog="python -m safety.evidence", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", dest="size", const=QUICK, default=USUAL)
    size.add_argument("--release", action="store_const", dest="size", const=RELEASE)
    parser.add_argument("--only", nargs="+", choices=PROOFS, default=list(PROOFS), metavar="PROOF")
    parser.add_argument("--output", type=Path, default=ROOT / "var" / "evidence")
    chosen = parser.parse_args()
    began, sections = origin(chosen.size.name), []
    for name, prove in PROOFS.items():
        if name not in chosen.only:
            title = name.replace("_", " ")
            sections.append(Section.left_out(name, title, f"--only {name}", "left out by --only"))
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        sections.append(prove(chosen.size))
        print(f"{name}: {sections[-1].verdict}, {sections[-1].seconds:.0f} s", file=sys.stderr)
    catalogue = load()
    page = markdown(began, sections, catalogue)
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "evidence.md").write_text(page, "utf-8")
    (chosen.output / "evidence.json").write_text(as_json(began, sections, catalogue), "utf-8")
    print(page)
    return 0 if holds(sections) else 1


if __name__ == "__main__":
    sys.exit(main())
