"""Sessions to services on the internet: what is sent, by whom, and what was sent already.

Nothing goes anywhere by itself: somebody logged in, and somebody (or their timer) asks for it. The daemon has
no part in it. A service is a small class with `send`; what it needs to know is in a file that only its owner
can read, and so is the list of what it has got. Nothing is sent twice: not by us, who keep that list, and not
by a service that recognises the session's id.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import msgspec
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.record import Head, Record
from backstride.domain.units import MINUTE, show_speed
from backstride.history.export import Format, encode, file_name
from backstride.history.private import write_privately

PATIENCE_S: Final = 30.0
"""For one request."""
AGENT: Final = "backstride"
_TOO_MANY, _SERVER = 429, 500


class UploadError(BackstrideError):
    """A session was not taken. `later` says whether it may be taken another time."""

    def __init__(self, sentence: str, *, later: bool) -> None:
        super().__init__(sentence)
        self.later = later


class Parcel(Struct, frozen=True, kw_only=True):
    """What is sent: a FIT file with its title. `id` is the session's."""

    id: str
    name: str
    description: str
    file: str
    data: bytes


class Service(Protocol):
    """Somebody who takes sessions."""

    def send(self, parcel: Parcel) -> str:
        """Send one and return its address there; the same one again is no error.

        Raises:
            UploadError: it was not taken.
        """
        ...


def pack(record: Record) -> Parcel:
    """A session as it is sent."""
    head = record.head
    return Parcel(
        id=head.id,
        name=head.program_name,
        description=_describe(head),
        file=file_name(head, Format.FIT),
        data=encode(record, Format.FIT),
    )


def _describe(head: Head) -> str:
    minutes = (head.backward + MINUTE // 2) // MINUTE
    return f"{minutes} min backward on a treadmill, up to {show_speed(head.top_speed)}. Backstride."


def ask(why: str, request: Callable[[], httpx.Response]) -> dict[str, Any]:
    """Make a request and return the JSON object that answers it.

    Raises:
        UploadError: there is no answer, it is an error, or it is no JSON object.
    """
    try:
        answer = request()
    except httpx.HTTPError as error:
        raise UploadError(f"{why}: {str(error) or type(error).__name__}", later=True) from error
    code = answer.status_code
    if code == _TOO_MANY or code >= _SERVER:
        raise UploadError(f"{why}: the service is busy (HTTP {code}); try later", later=True)
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not answer.is_success:
        raise UploadError(
            f"{why}: HTTP {code}: {_reason(told) or answer.reason_phrase}", later=False
        )
    if not isinstance(told, dict):
        raise UploadError(f"{why}: the answer is not what the service documents", later=False)
    return told


def _reason(told: object) -> str:
    if not isinstance(told, dict):
        return ""
    return str(told.get("error") or told.get("message") or "")


def client(url: str) -> httpx.Client:
    """A client for one service; proxies and authorities are those of this host."""
    return httpx.Client(base_url=url, timeout=PATIENCE_S, headers={"User-Agent": AGENT})


# -- what is kept --------------------------------------------------------------------------------


class Shelf:
    """The files of one service in the state directory: `<name>.json` (its login) and `<name>.sent`."""

    def __init__(self, directory: Path, name: str) -> None:
        self._login = directory / f"{name}.json"
        self._sent = directory / f"{name}.sent"

    def read_login[T](self, kind: type[T]) -> T | None:
        """The login; None when nobody logged in.

        Raises:
            UploadError: it cannot be read.
        """
        return _read(self._login, kind)

    def write_login(self, login: Struct) -> None:
        """Keep a login, readable by its owner only.

        Raises:
            UploadError: it cannot be kept.
        """
        _write(self._login, login)

    def forget(self) -> bool:
        """Log out; what was sent stays known. Tells whether there was a login."""
        try:
            self._login.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _failed(self._login, error) from error
        return True

    def sent(self) -> dict[str, str]:
        """What it has got: session ids and their addresses there."""
        return _read(self._sent, dict[str, str]) or {}

    def note(self, session: str, address: str) -> None:
        """It has got this one."""
        _write(self._sent, self.sent() | {session: address})


def _read[T](path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(path, error) from error
    except msgspec.DecodeError as error:
        raise UploadError(f"{path} is damaged ({error}); log in again", later=False) from error


def _write(path: Path, content: object) -> None:
    try:
        write_privately(path, msgspec.json.encode(content))
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> UploadError:
    remedy = "; put sudo before the command" if isinstance(error, PermissionError) else ""
    return UploadError(f"{path}: {error.strerror}{remedy}", later=False)
