"""A pytest plugin: the tests must import the copy that was broken, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import backstride


def pytest_configure() -> None:
    """End the run when the sources are not the ones in BACKSTRIDE_COPY."""
    wanted = Path(os.environ["BACKSTRIDE_COPY"]).resolve()
    found = Path(backstride.__file__).resolve()
    if wanted not in found.parents:
        pytest.exit(f"{found} was imported, not the copy in {wanted}", returncode=7)
