"""The page's HTTP server: the standard library's, with everything switched off that static files do not need.

It serves a home or a gym's own network; the world deserves a web server in front. GET and HEAD only, no
bodies, a bounded number of visitors, silence is cut off. It knows neither the broker's password nor the
treadmill: when it dies nothing but the page's next load is affected.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final, cast

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.page_site import METHODS, Site, Wish

MOST_VISITORS: Final = 64
"""Connections at a time; a browser opens up to six."""
_SILENCE_S: Final = 10.0
"""A connection without a word for this long is closed."""
_BACKLOG: Final = 64


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = _SILENCE_S

    def parse_request(self) -> bool:
        """Refuse what is neither GET nor HEAD, and what carries a body, before anything is done."""
        if not super().parse_request():
            return False
        length = self.headers.get("Content-Length", "0")
        if length != "0" or "Transfer-Encoding" in self.headers:
            # What follows is a body, not a request.
            self.close_connection = True
            self.send_error(HTTPStatus.BAD_REQUEST, "a request here has no body")
            return False
        if self.command not in METHODS:
            self.close_connection = True
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)
            return False
        return True

    def do_GET(self) -> None:
        """Answer from the site's table."""
        site = cast("PageServer", self.server).site
        asked = {name.lower(): value for name, value in self.headers.items()}
        answer = site.answer(Wish(path=self.path, headers=asked))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        """The same without a body."""
        self.do_GET()

    def end_headers(self) -> None:
        """Errors of the library say which methods there are, too."""
        self.send_header("Allow", ", ".join(METHODS))
        super().end_headers()

    def version_string(self) -> str:
        """What a stranger need not know is which Python this is."""
        return "Backstride"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Nobody reads who loaded a picture."""


class PageServer(socketserver.ThreadingTCPServer):
    """Serves a site on one address.

    Args:
        site: what to serve.
        host: a name or an address; "0.0.0.0" or "::" for every one of this host.
        port: 0 finds a free one.
        tls: the certificate to show, None for plain HTTP.

    Raises:
        CommandFailedError: the address cannot be used; says what to do.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(self, site: Site, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.site = site
        self._tls = tls
        self._room = threading.BoundedSemaphore(MOST_VISITORS)
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self.address_family = family
            super().__init__((str(address[0]), port), _Handler)
        except OSError as error:
            raise CommandFailedError(_explain(error, host, port), Exit.REFUSED) from error

    @property
    def port(self) -> int:
        """The port that it listens on."""
        number: int = self.socket.getsockname()[1]
        return number

    def server_bind(self) -> None:
        """Let "::" mean IPv4 as well."""
        if self.address_family is socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Turn visitors away while the room is full."""
        del request, client_address
        return self._room.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection in its thread; the handshake is made here, so that nobody waits for it."""
        try:
            if self._tls is not None:
                request.settimeout(_SILENCE_S)
                request = self._tls.wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except OSError:
            # A stranger who speaks no TLS, or has gone.
            self.shutdown_request(request)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who goes away in the middle is no news; a defect is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve from a thread of its own until the block ends."""
        thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="page", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


def load_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """The certificate chain and its key, as PEM files.

    Raises:
        CommandFailedError: they cannot be read or do not belong together (2).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a passphrase would stop the start of a service at a prompt that nobody sees.
        context.load_cert_chain(certificate, key, password=b"")
    except (OSError, ValueError) as error:
        raise CommandFailedError(
            f"{certificate} and {key} cannot be used as certificate and key: {error}", Exit.USAGE
        ) from error
    return context


def _explain(error: OSError, host: str, port: int) -> str:
    where = f"{host}:{port}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{where} is taken by another program; choose another with --port"
        case errno.EACCES:
            return f"only root may use {where}; choose a port above 1023 with --port"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this host; 0.0.0.0 means all of them"
        case _:
            return f"{where} cannot be used: {error.strerror or error}"
