"""What the page's server answers: a table of files in memory, and nothing else.

Theory of operation
-------------------
The whole site is read once, when the server starts, into a table from path to bytes. A request is a look-up
in that table: there is no directory to list, no path to climb out of, and no file that could be read by
mistake. `config.json` is made here from the options, and holds no secret: whoever needs a password for the
broker types it into the page.

The page talks to the broker over websockets. A browser lets it, because the policy of each answer names that
one address beside the page's own; it lets it talk to nobody else. A broker without a host (`ws://:9001`) is
on whatever host the page was opened at, which is what a home wants: the same name works from everywhere.

Pure but for the reading: no socket, no clock.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.mqtt.topics import TopicError, check_prefix

CONFIG: Final = "/config.json"
"""Where the page finds its settings."""
LONGEST_TITLE: Final = 60
METHODS: Final = ("GET", "HEAD")

_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",  # LICENSE
}
"""By suffix, of this table and not of the host's: what is not in it is not served."""
_PACKED_ALREADY: Final = frozenset({".png", ".ico", ".woff2"})
_WORTH_PACKING: Final = 1_000
"""Bytes; below this a gzip header costs what it saves."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " connect-src 'self'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Always asked for again, which costs one 304: a page must not be older than the daemon it steers.
    "Cache-Control": "no-cache",
}
_HOST: Final = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class SiteError(BackstrideError):
    """What was asked for cannot be served; the message says what to change."""


class Wish(Struct, frozen=True, kw_only=True):
    """One request, as far as it matters here. Header names in `headers` are in small letters."""

    path: str
    headers: Mapping[str, str]


class Answer(Struct, frozen=True, kw_only=True):
    """One answer; for HEAD the body stays unsent."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes


class PageSettings(Struct, frozen=True, kw_only=True):
    """What the page is told. `broker` is its websockets address; without a host it is the page's own."""

    broker: str
    prefix: str = "backstride"
    title: str = "Backstride"


class _File(Struct, frozen=True, kw_only=True):
    kind: str
    body: bytes
    packed: bytes | None
    tag: str
    modified: str


def web_dir() -> Path:
    """Where the page's files are."""
    return Path(__file__).resolve().parents[1] / "web"


def check_settings(settings: PageSettings, *, https: bool) -> PageSettings:
    """Return settings that a page can work with.

    Raises:
        SiteError: no websockets address, a password in it, a scheme that a page over https may not use, a
            prefix or a title that cannot be one.
    """
    try:
        parts = urlsplit(settings.broker)
    except ValueError as error:
        raise SiteError(f"{settings.broker!r} is no address: {error}") from error
    if "@" in parts.netloc:
        raise SiteError(
            "--broker-url holds a name or a password, which everybody who opens the page would get;"
            " leave it out, the page asks for it"
        )
    try:
        good = parts.scheme in {"ws", "wss"} and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or parts.fragment or not (_HOST.fullmatch(parts.netloc) or parts.hostname is None):
        raise SiteError(
            f"{settings.broker!r} is no websockets address; write for example ws://broker.lan:9001,"
            " or ws://:9001 for the host on which the page is opened"
        )
    if https and parts.scheme == "ws":
        raise SiteError(
            "a browser lets a page that came over https reach only wss://; give the broker's websockets"
            " listener the certificate too and write --broker-url wss://..."
        )
    try:
        check_prefix(settings.prefix)
    except TopicError as error:
        raise SiteError(str(error)) from error
    if not settings.title.isprintable() or not 0 < len(settings.title) <= LONGEST_TITLE:
        raise SiteError(f"a title has 1 to {LONGEST_TITLE} printable characters")
    return settings


class Site:
    """The page's files and its settings, ready to be served."""

    def __init__(self, settings: PageSettings, directory: Path | None = None) -> None:
        """Read every file.

        Raises:
            SiteError: there is no page in the directory.
        """
        root = directory or web_dir()
        self._settings = settings
        self._files = {
            "/" + path.relative_to(root).as_posix(): _read(path)
            for path in sorted(root.rglob("*"))
            if path.suffix in _TYPES and path.is_file() and not _is_hidden(path.relative_to(root))
        }
        if "/index.html" not in self._files:
            raise SiteError(f"there is no page in {root}: this installation is not whole")
        self._files["/"] = self._files["/index.html"]

    def answer(self, wish: Wish) -> Answer:
        """Answer a GET or HEAD; nothing in a request can make it raise."""
        path = unquote(wish.path.partition("?")[0].partition("#")[0])
        broker = self._broker_for(wish.headers.get("host", ""))
        headers = {**_HEADERS, "Content-Security-Policy": f"{_POLICY} {_origin(broker)}".rstrip()}
        if path == CONFIG:
            headers["Content-Type"] = _TYPES[".json"]
            return Answer(status=HTTPStatus.OK, headers=headers, body=self._tell({"url": broker}))
        file = self._files.get(path)
        if file is None:
            headers["Content-Type"] = _TYPES[".txt"]
            return Answer(
                status=HTTPStatus.NOT_FOUND, headers=headers, body=b"there is nothing here\n"
            )
        return _serve(file, wish.headers, headers)

    def write(self, directory: Path) -> int:
        """Write the page and its settings as files for another web server; how many.

        Raises:
            OSError: they cannot be written there.
        """
        parts = urlsplit(self._settings.broker)
        there = {"port": parts.port, "path": parts.path or None, "tls": parts.scheme == "wss"}
        broker = there if parts.hostname is None else {"url": self._settings.broker}
        files = {path: file.body for path, file in self._files.items() if path != "/"}
        files[CONFIG] = msgspec.json.format(self._tell(broker)) + b"\n"
        for path, body in files.items():
            target = directory / path.removeprefix("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
        return len(files)

    def _tell(self, broker: Mapping[str, object]) -> bytes:
        """What the page is told. It looks for a broker without a URL on the host where it was opened."""
        settings = self._settings
        told = {"broker": broker, "prefix": settings.prefix, "title": settings.title}
        return msgspec.json.encode(told)

    def _broker_for(self, host: str) -> str | None:
        """The broker as a browser must call it, or None when nobody can tell."""
        parts = urlsplit(self._settings.broker)
        if parts.hostname is not None:
            return self._settings.broker
        opened_at = _HOST.fullmatch(host)
        return opened_at and parts._replace(netloc=f"{opened_at[1]}{parts.netloc}").geturl()


def _serve(file: _File, asked: Mapping[str, str], headers: dict[str, str]) -> Answer:
    headers |= {
        "Content-Type": file.kind,
        "ETag": file.tag,
        "Last-Modified": file.modified,
        "Vary": "Accept-Encoding",
    }
    if _has_it(file, asked):
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers, body=b"")
    if file.packed is not None and "gzip" in asked.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Answer(status=HTTPStatus.OK, headers=headers, body=file.packed)
    return Answer(status=HTTPStatus.OK, headers=headers, body=file.body)


def _has_it(file: _File, asked: Mapping[str, str]) -> bool:
    """Whether the browser's copy is this one. RFC 9110, 13.2.2: a tag goes before a date."""
    if (tags := asked.get("if-none-match")) is not None:
        return tags.strip() == "*" or file.tag in {tag.strip() for tag in tags.split(",")}
    try:
        since = parsedate_to_datetime(asked.get("if-modified-since", ""))
        return parsedate_to_datetime(file.modified) <= since
    except (ValueError, TypeError, OverflowError):
        return False


def _read(path: Path) -> _File:
    body = path.read_bytes()
    worth = len(body) >= _WORTH_PACKING and path.suffix not in _PACKED_ALREADY
    return _File(
        kind=_TYPES[path.suffix],
        body=body,
        packed=gzip.compress(body, mtime=0) if worth else None,
        # Weak: the packed and the plain form are the same thing.
        tag=f'W/"{hashlib.sha256(body).hexdigest()[:20]}"',
        modified=formatdate(path.stat().st_mtime, usegmt=True),
    )


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _origin(broker: str | None) -> str:
    return "" if broker is None else "{0.scheme}://{0.netloc}".format(urlsplit(broker))
