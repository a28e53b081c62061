"""The steps of an installation: each can be shown before it is done, and done twice without harm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import assert_never

from msgspec import Struct

from backstride.domain.errors import BackstrideError


class StepError(BackstrideError):
    """A step could not be done; those before it are."""


class Write(Struct, frozen=True, kw_only=True, tag="write"):
    """A file with this content. `keep`: one that is there already is left as it is."""

    path: Path
    text: str
    mode: int = 0o644
    keep: bool = False


class Remove(Struct, frozen=True, tag="remove"):
    """A file, or a directory with all that is in it, is gone."""

    path: Path


class Run(Struct, frozen=True, kw_only=True, tag="run"):
    """A command. `may_fail`: what it is to undo may never have been done."""

    words: tuple[str, ...]
    may_fail: bool = False


type Step = Write | Remove | Run


def is_done(step: Step) -> bool:
    """Nothing would change; a command is never known to be done."""
    match step:
        case Write(path=path, text=text, keep=keep):
            if keep:
                return path.exists()
            try:
                return path.read_text(encoding="utf-8") == text
            except (OSError, UnicodeDecodeError):
                return False
        case Remove(path=path):
            return not path.exists() and not path.is_symlink()
        case Run():
            return False
        case _:
            assert_never(step)


def describe(step: Step) -> str:
    """One line: the file or the command."""
    match step:
        case Write(path=path, keep=True) if is_done(step):
            return f"keep    {path}"
        case Write(path=path):
            return f"{'same ' if is_done(step) else 'write'}   {path}"
        case Remove(path=path):
            return f"{'gone  ' if is_done(step) else 'remove'}  {path}"
        case Run(words=words):
            return f"run     {' '.join(words)}"
        case _:
            assert_never(step)


def carry_out(step: Step) -> None:
    """Do one step.

    Raises:
        StepError: it failed; the message says at what.
    """
    if is_done(step):
        return
    try:
        match step:
            case Write():
                _write(step)
            case Remove(path=path):
                _remove(path)
            case Run():
                _run(step)
            case _:
                assert_never(step)
    except OSError as error:
        raise StepError(f"{describe(step)}: {error.strerror or error}") from error


def _write(step: Write) -> None:
    """Complete or not at all: a service may read it at any moment."""
    step.path.parent.mkdir(parents=True, exist_ok=True)
    draft = step.path.with_name(f".{step.path.name}.new")
    draft.touch(mode=0o600)
    draft.write_text(step.text, encoding="utf-8")
    draft.chmod(step.mode)
    draft.replace(step.path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _run(step: Run) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"
    found = shutil.which(step.words[0], path=path)
    if found is None:
        if step.may_fail:
            return
        raise StepError(f"{step.words[0]} is not here: is this a host with systemd?")
    done = subprocess.run(  # noqa: S603  our own words
        [found, *step.words[1:]], capture_output=True, text=True, check=False
    )
    if done.returncode and not step.may_fail:
        raise StepError(f"{' '.join(step.words)}: {done.stderr.strip() or done.returncode}")
