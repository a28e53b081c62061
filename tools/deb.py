"""Build the Debian packages: Backstride with all its libraries in an environment of its own.

Theory of operation
-------------------
The package is a tree and a control directory; `dpkg-deb` packs them. /opt/backstride is a virtual
environment whose Python is the system's: a `pyvenv.cfg`, a link, and the site-packages directory. uv fills
that from wheels alone, with the hashes of uv.lock, for the architecture of the target, which therefore need
not be ours: nothing is compiled from C, here or there. Bytecode is the same on every architecture and is made
here, without the source's times in it, so that the target writes nothing.

The same commit gives the same bytes: every time is the commit's (SOURCE_DATE_EPOCH).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Final

from manual import write_manual

ROOT: Final = Path(__file__).resolve().parents[1]
DEBIAN: Final = ROOT / "tools" / "debian"
SYSTEMD: Final = ROOT / "systemd"

PYTHON: Final = "3.13"
"""Debian trixie's and Raspberry Pi OS trixie's; the dependency in `debian/control` says the same."""
PLATFORMS: Final[Mapping[str, str]] = {
    "amd64": "x86_64-manylinux_2_28",
    "arm64": "aarch64-manylinux_2_28",
}
HOME: Final = Path("opt/backstride")
SITE: Final = HOME / "lib" / f"python{PYTHON}" / "site-packages"
DOC: Final = Path("usr/share/doc/backstride")
MANUAL: Final = Path("usr/share/man/man1/backstride.1.gz")
EXTRAS: Final = ("upload",)
"""What a person with a package cannot add with pip. The virtual treadmill is for those who have pip."""
COMPLETIONS: Final[Mapping[str, str]] = {
    "bash": "usr/share/bash-completion/completions/backstride",
    "zsh": "usr/share/zsh/vendor-completions/_backstride",
    "fish": "usr/share/fish/vendor_completions.d/backstride.fish",
}


def main() -> None:
    """Build one package for each architecture and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--arch", choices=PLATFORMS, action="append", help="default: all")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="default: dist/")
    options = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _run("git", "log", "-1", "--format=%ct"))
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    # Ubuntu's own choice would be another one; the tests choose a fast one.
    os.environ.setdefault("DPKG_DEB_COMPRESSOR_TYPE", "xz")
    os.umask(0o022)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheel, lock = build_wheel(Path(scratch)), export_lock(Path(scratch))
        for architecture in options.arch or PLATFORMS:
            tree = Path(scratch) / architecture
            fill_environment(tree, architecture, wheel, lock)
            lay_out(tree, epoch)
            print(pack(tree, architecture, epoch, options.output))


def build_wheel(scratch: Path) -> Path:
    """Backstride itself, as it is in this checkout."""
    _run(_uv(), "build", "--quiet", "--wheel", "--out-dir", str(scratch))
    return next(scratch.glob("backstride-*.whl"))


def export_lock(scratch: Path) -> Path:
    """What uv.lock says, with its hashes, as requirements."""
    lock = scratch / "requirements.txt"
    options = ["--locked", "--no-dev", "--no-emit-project", "--output-file", str(lock)]
    options += [word for extra in EXTRAS for word in ("--extra", extra)]
    _run(_uv(), "export", "--quiet", *options)
    return lock


def fill_environment(tree: Path, architecture: str, wheel: Path, lock: Path) -> None:
    """The virtual environment: libraries for the target, bytecode, launcher."""
    site = tree / SITE
    install = [_uv(), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    install += ["--link-mode", "copy", "--target", str(site), "--python", _python()]
    install += ["--python-version", PYTHON, "--python-platform", PLATFORMS[architecture]]
    _run(*install, "--require-hashes", "--requirements", str(lock))
    _run(*install, str(wheel))
    # Launchers for the builder's Python, and notes for installers: here dpkg knows the files.
    shutil.rmtree(site / "bin")
    (site / ".lock").unlink(missing_ok=True)
    for name in ("RECORD", "direct_url.json", "uv_cache.json", "REQUESTED"):
        for note in site.glob(f"*.dist-info/{name}"):
            note.unlink()
    _run(
        *[_python(), "-m", "compileall", "-q", "-s", str(tree), "-p", "/"],
        *["--invalidation-mode", "unchecked-hash", str(site)],
        PYTHONHASHSEED="0",
    )
    _copy(DEBIAN / "pyvenv.cfg", tree / HOME / "pyvenv.cfg")
    _copy(DEBIAN / "backstride", tree / HOME / "bin/backstride", mode=0o755)
    (tree / HOME / "bin/python3").symlink_to("/usr/bin/python3")


def lay_out(tree: Path, epoch: int) -> None:
    """Everything outside the environment: command, units, configuration, completions, documents."""
    command = tree / "usr/bin/backstride"
    command.parent.mkdir(parents=True)
    command.symlink_to("/opt/backstride/bin/backstride")
    for unit in SYSTEMD.glob("*.service"):
        _copy(unit, tree / "usr/lib/systemd/system" / unit.name)
    for kind in ("sysusers.d", "tmpfiles.d"):
        _copy(SYSTEMD / kind / "backstride.conf", tree / "usr/lib" / kind / "backstride.conf")
    _copy(SYSTEMD / "backstride.toml", tree / "etc/backstride/backstride.toml")
    _copy(DEBIAN / "lintian-overrides", tree / "usr/share/lintian/overrides/backstride")
    for shell, place in COMPLETIONS.items():
        script = _run(str(ROOT / ".venv/bin/backstride"), _BACKSTRIDE_COMPLETE=f"source_{shell}")
        _write(tree / place, script + "\n")
    for document in ("README.md", "SAFETY.md", "CHANGELOG.md"):
        _copy(ROOT / document, tree / DOC / document)
    for document in (ROOT / "docs").glob("*.md"):
        _copy(document, tree / DOC / "docs" / document.name)
    for example in (SYSTEMD / "examples").iterdir():
        _copy(example, tree / DOC / "examples" / example.name)
    _write(tree / DOC / "copyright", describe_copyright(tree / SITE, epoch))
    for place, text in {
        DOC / "changelog.gz": describe_changes(epoch),
        MANUAL: write_manual(epoch),
    }.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        (tree / place).write_bytes(gzip.compress(text.encode(), mtime=0))


def describe_copyright(site: Path, epoch: int) -> str:
    """Debian's machine-readable form: our licence, and that of each library inside."""
    year = datetime.fromtimestamp(epoch, UTC).year
    libraries = "\n".join(
        f" {about['Name']} {about['Version']}: {_licence(about)}"
        for about in map(_metadata, sorted(site.glob("*.dist-info")))
        if about["Name"] != "backstride"
    )
    return f"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: {year} the Backstride maintainers
License: Apache-2.0
 On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.

Files: {SITE}/*
Copyright: the authors of each library, named with its licence in its dist-info directory
License: each-its-own
{libraries}

Files: {SITE}/backstride/web/vendor/*
Copyright: the authors of each library, named in the LICENSE file beside it
License: MIT and BSD-3-Clause
 The texts are in those files.
"""


def _metadata(info: Path) -> Message:
    return HeaderParser().parsestr((info / "METADATA").read_text(encoding="utf-8"))


def _licence(about: Message) -> str:
    """The newest field that says it; some libraries have but the oldest, a classifier."""
    classifiers = about.get_all("Classifier", [])
    old = [line.split(" :: ")[-1] for line in classifiers if line.startswith("License ::")]
    return (about["License-Expression"] or about["License"] or " ".join(old)).splitlines()[0]


def describe_changes(epoch: int) -> str:
    """Debian's changelog with this one version, which points to ours."""
    when = format_datetime(datetime.fromtimestamp(epoch, UTC))
    return (
        f"backstride ({_version()}) stable; urgency=medium\n\n"
        "  * What changed is in CHANGELOG.md beside this file.\n\n"
        f" -- Backstride maintainers <maintainers@backstride.invalid>  {when}\n"
    )


def pack(tree: Path, architecture: str, epoch: int, output: Path) -> Path:
    """The package, from its tree; its name says version and architecture."""
    control = tree / "DEBIAN"
    size = sum(-(-path.lstat().st_size // 1024) for path in _files(tree))
    sums = "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(tree)}\n"
        for path in _files(tree)
        if not path.is_symlink()
    )
    fields = (DEBIAN / "control").read_text(encoding="utf-8")
    values = {"version": _version(), "architecture": architecture, "size": str(size)}
    for name, value in values.items():
        fields = fields.replace(f"@{name}@", value)
    _write(control / "control", fields)
    _write(control / "md5sums", sums)
    _copy(DEBIAN / "conffiles", control / "conffiles")
    for script in ("postinst", "prerm", "postrm"):
        _copy(DEBIAN / script, control / script, mode=0o755)
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    package = output / f"backstride_{_version()}_{architecture}.deb"
    # One thread: xz cuts its blocks by the number of them.
    pack_it = ["dpkg-deb", "--root-owner-group", "--threads-max=1", "--build"]
    _run(*pack_it, str(tree), str(package))
    return package


def _files(tree: Path) -> Iterator[Path]:
    return (path for path in sorted(tree.rglob("*")) if path.is_symlink() or path.is_file())


def _version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]


def _write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def _copy(source: Path, place: Path, mode: int = 0o644) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
    place.chmod(mode)


@cache
def _uv() -> str:
    """As `tools/setup` finds it: a pyenv shim may name a version that is not active."""
    for candidate in ("uv", str(ROOT / ".tools/bin/uv")):
        try:
            done = subprocess.run([candidate, "--version"], capture_output=True, check=False)  # noqa: S603
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return candidate
    message = "uv is not here; `make setup` gets it"
    raise SystemExit(message)


@cache
def _python() -> str:
    """The interpreter whose bytecode the target reads; uv fetches it where there is none."""
    ask = ["python", "-c", "import sys; print(sys.executable)"]
    return _run(_uv(), "run", "--quiet", "--no-project", "--python", PYTHON, *ask)


def _run(*command: str, **environment: str) -> str:
    """The command's output; it ends the build where it fails, with what it said."""
    settings = {"UV_SYSTEM_CERTS": "1", **os.environ, **environment}
    done = subprocess.run(  # noqa: S603  our own commands
        command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        message = f"{command[0]} failed ({done.returncode})"
        raise SystemExit(message)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
