"""`python -m safety.mutants`: does any test notice when the core is a little wrong?

python -m safety.mutants                        the whole core
python -m safety.mutants --files envelope evidence
python -m safety.mutants --changed origin/main   only lines that changed since then (what CI runs)
python -m safety.mutants --budget 300            judge for so many seconds, and say what was not run
python -m safety.mutants --json out.json         the verdicts as data

Exit code 1: a mutant survived that `accepted.toml` does not explain, or the whole core was judged and
an entry there explains none. Without a commit to compare with, nothing is judged; one line says so (code 0).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from safety.mutants.plan import DOMAIN, FILES, ROOT, Mutant, diff, mutants
from safety.mutants.run import Verdict, judge

ACCEPTED: Final = Path(__file__).with_name("accepted.toml")
type Key = tuple[str, str, str, str]


def accepted() -> dict[Key, str]:
    """Survivors that are no defects, with the reason for each."""
    entries = tomllib.loads(ACCEPTED.read_text()).get("mutant", [])
    return {
        (entry["module"], entry["function"], entry["source"], change): entry["reason"]
        for entry in entries
        for change in entry["changes"]
    }


def _git(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *command], cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S607  whose git it is, the path says


def changed(base: str) -> dict[str, set[int]]:
    """The lines of the domain that are not as they were in `base`.

    Raises:
        LookupError: this repository does not have such a commit: a shallow clone, or the first commits.
    """
    if _git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}").returncode:
        raise LookupError(base)
    text = _git("diff", "--unified=0", "--no-ext-diff", base, "--", str(DOMAIN)).stdout
    lines: dict[str, set[int]] = {}
    module = ""
    for line in text.splitlines():
        if line.startswith("+++ "):
            module = Path(line[4:]).stem
        elif found := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(found[1]), int(found[2] or 1)
            lines.setdefault(module, set()).update(range(first, first + count))
    return lines


def chosen(files: Sequence[str], base: str | None, again: Path | None) -> list[Mutant]:
    """The mutants of what was asked for, or changed, or lived in an earlier run; the dangerous files first.

    Raises:
        LookupError: there is no commit `base`.
    """
    work = [mutant for file in files for mutant in mutants(file)]
    # In place is quick, an import is not: a budget should end with as few unjudged as possible.
    work.sort(key=lambda mutant: mutant.function is None)
    if base is not None:
        lines = changed(base)
        work = [mutant for mutant in work if mutant.line in lines.get(mutant.module, ())]
    if again is not None:
        lived = set(re.findall(r"^(?:survived|uncovered): (.+)$", again.read_text(), re.MULTILINE))
        work = [mutant for mutant in work if mutant.name in lived]
    return work


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m safety.mutants", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--files", nargs="+", choices=FILES, default=list(FILES), metavar="MODULE")
    parser.add_argument("--changed", metavar="BASE")
    parser.add_argument("--budget", type=float, default=86_400)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--most", type=int, default=10_000, help="tests for one mutant at most")
    parser.add_argument("--again", type=Path, help="only the survivors in this output of a run")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    parser.add_argument("--every", type=int, default=1, help="a sample: one of so many")
    return parser.parse_args()


def main() -> int:
    """Judge, and report."""
    options = _options()
    try:
        work = chosen(options.files, options.changed, options.again)[:: options.every]
    except LookupError as missing:
        print(f"nothing was judged: there is no commit {missing} here to compare with")
        return 0
    if options.list:
        print("\n".join(mutant.name for mutant in work))
        return 0
    if not work:
        print("no mutant in what was asked for")
        return 0
    reasons, verdicts, began = accepted(), [], time.monotonic()

    def say(verdict: Verdict) -> None:
        verdicts.append(verdict)
        known = verdict.mutant.key in reasons
        if verdict.fate in {"survived", "uncovered"} and not known:
            print(f"{verdict.fate}: {verdict.mutant.name}\n{diff(verdict.mutant)}", flush=True)
        elif os.environ.get("BACKSTRIDE_VERBOSE"):
            print(f"{verdict.fate}: {verdict.mutant.name} ({verdict.by})", flush=True)

    code = judge(work, say, options.budget, options.most)
    if code:
        return code
    report(work, verdicts, reasons, time.monotonic() - began)
    idle = unneeded(verdicts, reasons)
    for module, function, source, change in idle:
        print(f"accepted.toml explains no survivor: {module}, {function}, {source!r}: {change}")
    if options.json:
        options.json.write_text(json.dumps(as_data(work, verdicts, reasons), indent=1) + "\n")
    return int(bool(survivors(verdicts, reasons) or idle))


def survivors(verdicts: Iterable[Verdict], reasons: dict[Key, str]) -> list[Verdict]:
    """Who lived, without an excuse."""
    return [
        v for v in verdicts if v.fate in {"survived", "uncovered"} and v.mutant.key not in reasons
    ]


def unneeded(verdicts: Iterable[Verdict], reasons: dict[Key, str]) -> list[Key]:
    """The excuses of nobody; none unless the whole core was judged."""
    judged = {v.mutant for v in verdicts}
    if not judged.issuperset(mutant for file in FILES for mutant in mutants(file)):
        return []
    explained = {v.mutant.key for v in verdicts if v.fate in {"survived", "uncovered"}}
    return [key for key in reasons if key not in explained]


def fates(verdicts: Iterable[Verdict], reasons: dict[Key, str]) -> Counter[str]:
    """How many ended in which way."""
    count: Counter[str] = Counter()
    for verdict in verdicts:
        lived = verdict.fate in {"survived", "uncovered"}
        count["accepted" if lived and verdict.mutant.key in reasons else verdict.fate] += 1
    return count


def report(
    work: Sequence[Mutant], verdicts: Sequence[Verdict], reasons: dict[Key, str], seconds: float
) -> None:
    """The table, file by file."""
    names = ("killed", "timeout", "accepted", "survived", "uncovered")
    print(f"{'module':14} {'mutants':>8}" + "".join(f"{name:>10}" for name in (*names, "not run")))
    modules = list(dict.fromkeys(mutant.module for mutant in work))
    for module in [*modules, "all"]:
        mine = [m for m in work if module in {m.module, "all"}]
        judged = [v for v in verdicts if module in {v.mutant.module, "all"}]
        count = fates(judged, reasons)
        row = [count[name] for name in names]
        print(
            f"{module:14} {len(mine):8}"
            + "".join(f"{n:10}" for n in (*row, len(mine) - len(judged)))
        )
    print(f"{seconds:.0f} s")


def as_data(
    work: Sequence[Mutant], verdicts: Sequence[Verdict], reasons: dict[Key, str]
) -> dict[str, object]:
    """What the evidence page needs."""
    count = fates(verdicts, reasons)
    lived = [v for v in verdicts if v.fate in {"survived", "uncovered"}]
    return {
        "mutants": len(work),
        "judged": len(verdicts),
        "not_run": len(work) - len(verdicts),
        **{
            name: count[name] for name in ("killed", "timeout", "accepted", "survived", "uncovered")
        },
        "survivors": [
            {
                "name": v.mutant.name,
                "key": v.mutant.key,
                "diff": diff(v.mutant),
                "reason": reasons.get(v.mutant.key),
            }
            for v in lived
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
