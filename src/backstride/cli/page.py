"""`dashboard`: serves our own page. A small process of its own: the daemon listens on no socket."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import ConfigOption

if TYPE_CHECKING:
    from backstride.cli.page_server import PageServer
    from backstride.cli.page_site import Site
    from backstride.service.config import Config

PORT: Final = 8180
"""Free on most hosts, where 8080 rarely is [CHOICE]."""
BROKER_PORT: Final = 9001
"""Where mosquitto's own examples put websockets."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_KNOCK_S: Final = 3.0


HostOption = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="Where to listen; 0.0.0.0 lets phones in the network in.",
    ),
]
PortOption = Annotated[
    int, typer.Option("--port", "-p", min=0, max=65_535, help="The port; 0 finds a free one.")
]
BrokerUrlOption = Annotated[
    str | None,
    typer.Option(
        "--broker-url",
        metavar="WS_URL",
        help="The broker's websockets, as a phone reaches them (ws://broker.lan:9001); without a host"
        " (ws://:9001) on the host where the page is opened. Default: the configured broker, port"
        f" {BROKER_PORT}, wss where the configuration has [broker.tls].",
    ),
]
PrefixOption = Annotated[
    str | None,
    typer.Option("--prefix", metavar="TOPIC", help="Above the treadmills, if not as configured."),
]
TitleOption = Annotated[str, typer.Option("--title", help="What the page calls itself.")]
CertificateOption = Annotated[
    Path | None,
    typer.Option("--certificate", metavar="FILE", help="Serve https; PEM, with its chain."),
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="The certificate's key, PEM.")
]
ExportOption = Annotated[
    Path | None,
    typer.Option(
        "--export", metavar="DIRECTORY", help="Write the files for another web server, and end."
    ),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("dashboard", rich_help_panel="Service")(dashboard)


def dashboard(  # noqa: PLR0917  Typer turns parameters into options
    host: HostOption = "127.0.0.1",
    port: PortOption = PORT,
    broker_url: BrokerUrlOption = None,
    prefix: PrefixOption = None,
    title: TitleOption = "Backstride",
    certificate: CertificateOption = None,
    key: KeyOption = None,
    export: ExportOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the page for phones and tablets: choose, start, follow and stop sessions in a browser.

    It is a separate process without any secret; the page itself talks to the broker over websockets.
    """
    from backstride.cli.page_server import PageServer, load_tls
    from backstride.cli.page_site import PageSettings, Site, SiteError, check_settings
    from backstride.service.config import load_config
    from backstride.service.configreader import ConfigError

    if (certificate is None) != (key is None):
        raise CommandFailedError("--certificate and --key go together", Exit.USAGE)
    tls = None if certificate is None or key is None else load_tls(certificate, key)
    try:
        loaded = load_config(config)
        settings = PageSettings(
            broker=broker_url or _guess_broker(loaded, https=tls is not None),
            prefix=prefix or loaded.broker.prefix,
            title=title,
        )
        site = Site(check_settings(settings, https=tls is not None))
    except (ConfigError, SiteError) as error:
        raise CommandFailedError(str(error), Exit.USAGE) from error
    if export is not None:
        _export(site, export)
        return
    server = PageServer(site, host, port, tls)
    if trouble := knock(settings.broker):
        print(trouble, file=sys.stderr)
    _serve(server, host, "http" if tls is None else "https")


def _export(site: Site, directory: Path) -> None:
    try:
        print(f"{site.write(directory)} files written to {directory}")
    except OSError as error:
        raise CommandFailedError(f"{directory}: {error.strerror or error}") from error


def _guess_broker(config: Config, *, https: bool) -> str:
    """The configured broker's websockets; a broker on this host is on the page's host for everybody.

    One that speaks TLS to the daemon speaks it to browsers, too: `backstride broker init` makes both so.
    """
    scheme = "wss" if https or config.broker.tls is not None else "ws"
    host = config.broker.host
    if host in LOOPBACK:
        host = ""
    elif ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}:{BROKER_PORT}"


def _serve(server: PageServer, host: str, scheme: str) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with server.serving():
        for name in _names_of(host):
            print(f"open {scheme}://{name}:{server.port}/", flush=True)
        over.wait()


def _names_of(host: str) -> list[str]:
    """How browsers can call an address that is listened on."""
    if host not in {"0.0.0.0", "::"}:  # noqa: S104  compared, not bound
        return [f"[{host}]" if ":" in host else host]
    names = ["localhost", socket.gethostname()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: the address is for documentation; the kernel says which of ours it would use.
            probe.connect(("192.0.2.1", 9))
            names.append(probe.getsockname()[0])
        except OSError:
            pass  # no network yet
    return names


def knock(broker: str) -> str | None:
    """Ask a broker for websockets as a browser does; what is wrong, None when nothing is."""
    import base64
    import http.client
    import secrets
    import ssl
    from urllib.parse import urlsplit

    parts = urlsplit(broker)
    host, port = parts.hostname or "localhost", parts.port
    connection = (
        http.client.HTTPConnection(host, port, timeout=_KNOCK_S)
        if parts.scheme == "ws"
        else http.client.HTTPSConnection(host, port, timeout=_KNOCK_S)
    )
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "mqtt",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    try:
        connection.request("GET", parts.path or "/", headers=headers)
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError as error:
        return f"{broker}: this host does not trust its certificate ({error.verify_message}); will phones?"
    except (http.client.HTTPException, ConnectionResetError):
        return f"{broker} answers, but speaks no websockets; {_LISTENER}"
    except OSError as error:
        return f"nothing answers at {broker} yet ({error.strerror or error}); {_LISTENER}"
    finally:
        connection.close()
    return (
        None
        if status == http.client.SWITCHING_PROTOCOLS
        else f"{broker} answered {status}; {_LISTENER}"
    )


_LISTENER: Final = (
    f"mosquitto needs `listener {BROKER_PORT}` and `protocol websockets`. The page waits for it."
)
