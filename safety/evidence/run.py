"""Starting the commands, and what they leave: nothing here is remembered from an earlier run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from safety.evidence import junit
from safety.hazards.catalogue import ROOT

TAIL: Final = 12
"""Lines of a broken command's words that are shown."""


class Done(Struct, frozen=True):
    """A command that ended: `data` is what it said as JSON; {} when it said nothing that can be read."""

    command: str
    code: int
    data: dict[str, Any]
    words: str
    seconds: float

    @property
    def trouble(self) -> tuple[str, ...]:
        """Why its figures cannot be trusted; empty when they can."""
        if self.data:
            return ()
        last = "\n".join(self.words.splitlines()[-TAIL:])
        return (f"`{self.command}` ended with {self.code} and no figures: {last}",)


def exists(module: str) -> bool:
    """The repository has such a command."""
    path = ROOT.joinpath(*module.split("."))
    return (path / "__main__.py").is_file() or path.with_suffix(".py").is_file()


def module(name: str, *arguments: str, limit: float) -> Done:
    """Run a command of the repository that prints its figures as JSON in its last line."""
    done = _start([sys.executable, "-m", name, *arguments], limit)
    return Done(f"python -m {name} {' '.join(arguments)}", done[0], last_json(done[1]), *done[1:])


def module_with_file(name: str, *arguments: str, limit: float) -> Done:
    """The same, for one that writes its figures into a file that `--json` names."""
    with tempfile.TemporaryDirectory(prefix="backstride-evidence-") as place:
        path = Path(place) / "figures.json"
        done = _start([sys.executable, "-m", name, *arguments, "--json", str(path)], limit)
        data = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return Done(f"python -m {name} {' '.join(arguments)}".strip(), done[0], data, *done[1:])


def pytest(*arguments: str, limit: float) -> tuple[Done, junit.Ran | None]:
    """Run tests without pytest's memory of earlier runs; None when it left no report."""
    with tempfile.TemporaryDirectory(prefix="backstride-evidence-") as place:
        path = Path(place) / "report.xml"
        words = ["-q", "-p", "safety.evidence.plugin", "-p", "no:cacheprovider", *arguments]
        done = _start([sys.executable, "-m", "pytest", f"--junitxml={path}", *words], limit)
        tests = junit.read(path.read_text("utf-8")) if path.exists() else None
    shown = f"pytest {' '.join(arguments)}"
    return Done(shown, done[0], {"report": True} if tests else {}, *done[1:]), tests


def last_json(words: str) -> dict[str, Any]:
    """The JSON object in the last line that is one; {} when there is none."""
    for line in reversed(words.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
    return {}


def _start(command: Sequence[str], limit: float) -> tuple[int, str, float]:
    """Run a command in the repository: its code, its words, its seconds."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        said = late.stdout.decode(errors="replace") if isinstance(late.stdout, bytes) else ""
        return -1, f"{said}\nnot done after {limit:.0f} s", time.monotonic() - began
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began
