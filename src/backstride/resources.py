"""Where the files that come with the product are: profiles, and what else is packaged beside the code."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
PROFILES_VARIABLE = "BACKSTRIDE_PROFILES"
"""Names another directory of profiles, for a gym that keeps its own."""


def profiles_dir() -> Path:
    """The directory with `sessions/` and `machines/`.

    In this order: the environment's, the packaged one, the checkout's.
    """
    if chosen := os.environ.get(PROFILES_VARIABLE):
        return Path(chosen)
    packaged = _PACKAGE / "_profiles"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "profiles"


def systemd_dir() -> Path:
    """The directory with units, users, directories, examples and the documented configuration."""
    packaged = _PACKAGE / "_systemd"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "systemd"
