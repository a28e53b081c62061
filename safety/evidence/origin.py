"""What was tried, and on what."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from safety.evidence.page import Origin
from safety.hazards.catalogue import ROOT

PACKAGES: Final = (
    "backstride", "bleak", "bleak-retry-connector", "pyftms", "aiomqtt", "paho-mqtt", "msgspec",
    "ruamel.yaml", "structlog", "bumble", "pytest", "hypothesis",
)  # fmt: skip


def origin(size: str) -> Origin:
    """Ask git and the environment."""
    changed = _git("status", "--porcelain", "--untracked-files=normal").splitlines()
    return Origin(
        commit=_git("rev-parse", "HEAD").strip()[:12] or "unknown",
        changed=tuple(line[3:] for line in changed),
        at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        size=size,
        host=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        versions={
            "backstride": _version("backstride"),
            "Python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES[1:]},
            "mosquitto": _mosquitto(),
        },
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words],  # noqa: S607  the same
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def _mosquitto() -> str:
    """It says its version with its help, and ends with 3."""
    try:
        done = subprocess.run(
            ["mosquitto", "-h"],  # noqa: S607  as it is on the path
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return "not installed"
    first = (done.stdout or done.stderr).splitlines()[:1]
    return first[0].removeprefix("mosquitto version ") if first else "unknown"
