"""One variant on trial: a broken copy of the sources, and the tests that should object."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from safety.variants.catalogue import ROOT, AnchorError, Variant, broken

LIMIT: Final = 300
"""Seconds for one variant's tests; a defect that makes them hang is noticed, too."""
PARTS: Final = ("src", "profiles", "systemd")
"""What the product reads of its own repository."""


@dataclass(frozen=True)
class Result:
    """How it ended: `killed`, `survived`, `anchor` (the code changed) or `broken` (no test ran)."""

    variant: Variant
    fate: str
    by: str
    seconds: float


def attempt(variant: Variant) -> Result:
    """Break a copy, run the tests, and tell who noticed."""
    began = time.monotonic()
    try:
        texts = broken(variant)
    except AnchorError as error:
        return Result(variant, "anchor", str(error), 0)
    with tempfile.TemporaryDirectory(prefix="backstride-variant-") as place:
        copy = Path(place)
        for part in PARTS:
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in texts.items():
            (copy / name).write_text(text)
        fate, by = _run(variant, copy)
    return Result(variant, fate, by, time.monotonic() - began)


def _run(variant: Variant, copy: Path) -> tuple[str, str]:
    command = [
        *(sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--no-header", "--tb=no"),
        *("-p", "safety.variants.imported", "-p", "no:cacheprovider", "-p", "no:xdist"),
        *("--hypothesis-seed=1", *variant.tests),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{copy / 'src'}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "BACKSTRIDE_COPY": str(copy),
        "BACKSTRIDE_SEED": "1",
        "BACKSTRIDE_STORIES": "100",
    }
    environment.pop("PYTEST_ADDOPTS", None)
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "killed", f"no end within {LIMIT} s"
    match done.returncode:
        case 0:
            return "survived", ""
        case 1:
            found = re.search(r"^FAILED (\S+)|^ERROR (\S+)", done.stdout, re.MULTILINE)
            return "killed", (found[1] or found[2]) if found else "a test"
        case code:
            return "broken", f"pytest ended with {code}: {(done.stdout + done.stderr)[-300:]}"
