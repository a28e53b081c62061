"""The support bundle: what a bug report needs, in one file, without what is nobody's business.

A tar.gz with the doctor's findings, versions, configuration, commissioning sheets, logs, what BlueZ knows,
and the newest session journals, from which `backstride replay` tells a session again. What could not be had
stands in the manifest with the reason: half a bundle is better than none.

Three things are kept out. Secrets: the configuration names files and never holds one, and should one stand
there nevertheless, or in a log, it is blotted out. Who walked: a journal keeps the limits that a session was
judged by, a maximum heart rate among them, and loses the name, the weight and the words for the limits.
History: it never goes in.
"""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from backstride import __version__
from backstride.domain.bounds import Envelope
from backstride.domain.errors import BackstrideError
from backstride.domain.events import Request
from backstride.domain.limits import Layer, Limit
from backstride.domain.walker import CAUTIOUS, Walker
from backstride.ftms.bluez import BluezError, read_tree
from backstride.service import journal
from backstride.service.config import Config, find_config, read_config, state_directory
from backstride.service.configreader import ConfigError
from backstride.service.credential import read_password
from backstride.service.doctor.examination import examine
from backstride.service.doctor.findings import Place, ask, in_thread

SESSIONS: Final = 5
"""So many of the newest journals of each treadmill go in, unless told otherwise [CHOICE]."""
LINES: Final = 5_000
"""Of each log; at rest that is more than a week."""
LARGEST: Final = 50_000_000
"""Bytes of a journal that a bundle takes, and gives back."""
_FOLDER: Final = "backstride-support"
_BLOT: Final = "[removed]"
_OWN: Final = "the walker's own limit"
_SECRET: Final = re.compile(
    r"""^(\s*["']?[\w.-]*(?:password|passwd|pass|secret|token|pin)["']?\s*=\s*).*$""",
    re.IGNORECASE | re.MULTILINE,
)
"""A key that would hold a secret. Those that name its place end in `_file` or are called `credential`."""
_LOGS: Final = {
    "log/backstride.jsonl": ("-u", "backstride*", "-o", "json"),
    "log/bluetooth.txt": ("-u", "bluetooth", "-o", "short-iso"),
    "log/kernel.txt": ("-k", "-g", "bluetooth|hci|watchdog|voltage", "-o", "short-iso"),
}
_README: Final = """Support bundle of Backstride {version}, made {made}.

manifest.json says what is in here and what could not be had, with the reason. Secrets are not in here, nor
who walked. Look through it before you pass it on: names of devices, hosts and programs are, and a session
keeps what it was judged by, which is needed to replay it: level, own limits, maximum heart rate, and the
heart rates that were measured.
A session: backstride replay THIS-FILE
"""


class BundleError(BackstrideError):
    """A file is no bundle, or what is asked for is not in it."""


class Missing(Struct, frozen=True):
    """What could not be had, and why."""

    name: str
    reason: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What a bundle holds. `files` maps names to bytes."""

    version: str
    made: str
    files: dict[str, int]
    missing: tuple[Missing, ...]


class Collection:
    """The parts of a bundle, as they come together."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.parts: dict[str, bytes] = {}
        self.missing: list[Missing] = []
        self._secrets = [secret.encode() for secret in secrets if secret]

    def add(self, name: str, content: bytes) -> None:
        """Take a part, without the secrets that are known."""
        for secret in self._secrets:
            content = content.replace(secret, _BLOT.encode())
        self.parts[name] = content

    def lack(self, name: str, reason: object) -> None:
        """Note what could not be had."""
        self.missing.append(Missing(name, str(reason)))

    def pack(self) -> bytes:
        """All parts as a tar.gz, with its manifest."""
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        manifest = Manifest(
            version=__version__,
            made=made,
            files={name: len(content) for name, content in self.parts.items()},
            missing=tuple(self.missing),
        )
        readme = _README.format(version=__version__, made=made)
        described = {
            "README.txt": readme.encode(),
            "manifest.json": msgspec.json.format(msgspec.json.encode(manifest)),
        }
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, content in (described | self.parts).items():
                entry = tarfile.TarInfo(f"{_FOLDER}/{name}")
                entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
                tar.addfile(entry, io.BytesIO(content))
        return packed.getvalue()


async def collect(file: Path | None, sessions: int = SESSIONS, place: Place | None = None) -> bytes:
    """Collect everything about this host, with the configuration in effect or with this one."""
    at = place or Place()
    path = find_config(file, at.environ)
    config, trouble = await in_thread(lambda: _configure(path))
    found = Collection(await in_thread(lambda: _secrets(config)))
    if trouble is not None:
        found.lack("configuration", trouble)
    await in_thread(lambda: _add_configuration(found, path, config))
    found.add(
        "doctor.json", msgspec.json.format(msgspec.json.encode(await examine(file, place=at)))
    )
    found.add("packages.txt", await in_thread(_packages))
    await _add_logs(found, at)
    try:
        found.add("bluez.json", msgspec.json.encode(await read_tree(at.bus)))
    except BluezError as error:
        found.lack("bluez.json", error)
    homes = _homes(config, at)
    await in_thread(lambda: _add_sessions(found, homes, sessions))
    return await in_thread(found.pack)


def _configure(path: Path | None) -> tuple[Config, str | None]:
    if path is None:
        return Config(), None
    try:
        return read_config(path), None
    except ConfigError as error:
        return Config(), str(error)


def _packages() -> bytes:
    return "\n".join(sorted({f"{one.name}=={one.version}" for one in distributions()})).encode()


def _secrets(config: Config) -> list[str]:
    """The passwords that this user can read: they must not go in by accident."""
    known: list[str] = []
    for broker in {config.broker, *(config.broker.of(one.id) for one in config.treadmills)}:
        try:
            known.append(read_password(broker) or "")
        except BackstrideError:
            continue  # what we cannot read we cannot tell
    return known


def _add_configuration(found: Collection, path: Path | None, config: Config) -> None:
    files = {one.sheet: f"sheets/{one.id}.yaml" for one in config.treadmills if one.sheet}
    for source, name in ({str(path): "backstride.toml"} if path else {}).items() | files.items():
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            found.lack(name, error)
        else:
            found.add(name, _SECRET.sub(rf'\1"{_BLOT}"', text).encode())


async def _add_logs(found: Collection, place: Place) -> None:
    for name, words in _LOGS.items():
        said = await ask(place, "journalctl", "--no-pager", "-q", "-n", str(LINES), *words)
        if said:
            found.add(name, said.encode())
        else:
            found.lack(name, "journalctl gave nothing; run this with sudo, or where systemd runs")


def _homes(config: Config, place: Place) -> list[Path]:
    """Where treadmills keep their journals: the daemon's own directory, also when a person asks."""
    homes = [state_directory(config, place.environ)]
    if not config.service.state_directory and place.state not in homes:
        homes.append(place.state)
    return homes


def _add_sessions(found: Collection, homes: list[Path], most: int) -> None:
    for home in homes:
        try:
            files = sorted(home.glob(f"*/journal/*{journal.SUFFIX}"), key=lambda one: one.name)
        except OSError as error:
            found.lack(f"sessions of {home}", error)
            continue
        for treadmill in {one.parent.parent for one in files}:
            for path in [one for one in files if one.parent.parent == treadmill][-most:]:
                name = f"sessions/{treadmill.name}/{path.name}"
                try:
                    found.add(name, anonymise(path))
                except (OSError, journal.JournalError, BundleError) as error:
                    found.lack(name, error)


def anonymise(path: Path) -> bytes:
    """A journal without who walked; it still folds to the same session.

    Raises:
        OSError, JournalError, BundleError: it cannot be read, is none, or is too large.
    """
    if path.stat().st_size > LARGEST:
        raise BundleError(f"{path.name} is larger than {LARGEST // 1_000_000} MB")
    with path.open("rb") as file:
        return b"".join(_veil(line) for line in file)


def _veil(line: bytes) -> bytes:
    match journal.decode_line(line):
        case journal.Opening(session=session) as opening:
            person = None if session.person is None else _nobody(session.person)
            limits = None if session.envelope is None else _without_words(session.envelope)
            veiled = replace(session, person=person, envelope=limits)
            return journal.encode_line(replace(opening, session=veiled))
        case Request(walker=person) as request if person is not None:
            return journal.encode_line(replace(request, walker=_nobody(person)))
        case _:
            return line


def _nobody(person: Walker) -> Walker:
    """Somebody with the same limits."""
    caps = None if person.caps is None else replace(person.caps, reason=_OWN)
    return replace(person, id="walker", name="walker", weight=None, caps=caps)


def _without_words(limits: Envelope) -> Envelope:
    """The same limits; where a walker set one, not in their words."""
    return replace(
        limits,
        speed=_reworded(limits.speed),
        incline=_reworded(limits.incline),
        backward_time=_reworded(limits.backward_time),
    )


def _reworded(limit: Limit) -> Limit:
    return Limit(
        tuple(
            replace(bound, reason=_OWN)
            if bound.layer is Layer.WALKER and bound.reason != CAUTIOUS.reason
            else bound
            for bound in limit.chain
        )
    )


def manifest_of(bundle: Path) -> Manifest:
    """What a bundle says of itself.

    Raises:
        BundleError: it is no bundle.
    """
    return msgspec.json.decode(_read(bundle, f"{_FOLDER}/manifest.json"), type=Manifest)


def sessions_of(bundle: Path) -> list[str]:
    """The sessions in a bundle, the oldest first.

    Raises:
        BundleError: it is no bundle.
    """
    names = [name for name in _names(bundle) if name.endswith(journal.SUFFIX)]
    return sorted(names, key=lambda name: PurePosixPath(name).name)


def take_out(bundle: Path, session: str, directory: Path) -> Path:
    """Put a session's journal into a directory, to be read like any other.

    Raises:
        BundleError: it is not there.
    """
    names = sessions_of(bundle)
    chosen = next((name for name in names if session in name), None)
    if chosen is None:
        raise BundleError(f"{bundle.name} has no session {session!r}; it has: {', '.join(names)}")
    path = directory / PurePosixPath(chosen).name
    path.write_bytes(_read(bundle, chosen))
    return path


def _read(bundle: Path, name: str) -> bytes:
    try:
        with tarfile.open(bundle) as tar:
            part = tar.extractfile(name)
            return b"" if part is None else part.read(LARGEST)
    except (OSError, tarfile.TarError, EOFError, KeyError) as error:
        raise BundleError(f"{bundle} is not a support bundle: {error}") from error


def _names(bundle: Path) -> list[str]:
    try:
        with tarfile.open(bundle) as tar:
            return [entry.name for entry in tar if entry.isfile()]
    except (OSError, tarfile.TarError, EOFError) as error:
        raise BundleError(f"{bundle} is not a support bundle: {error}") from error
