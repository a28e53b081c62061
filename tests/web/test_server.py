"""`backstride dashboard`: a server that can give away nothing but the page."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.page import knock
from backstride.cli.page_server import MOST_VISITORS, PageServer, load_tls
from backstride.cli.page_site import (
    PageSettings,
    Site,
    SiteError,
    Wish,
    check_settings,
    web_dir,
)
from backstride.mqtt.broker import Mosquitto, free_port

COMMAND = [sys.executable, "-m", "backstride.cli", "dashboard"]
SETTINGS = PageSettings(broker="ws://:9001", title="Gym")
SCRIPT = b"// long enough to be worth packing\n" * 100


@pytest.fixture
def folder(tmp_path):
    """A small site, with things around it that are nobody's business."""
    root = tmp_path / "site"
    (root / "vendor").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>Page</title>")
    (root / "app.js").write_bytes(SCRIPT)
    (root / "vendor" / "chart.css").write_text("canvas {}")
    (root / "icon.svg").write_text("<svg/>")
    (root / "config.json").write_text('{"broker": {"url": "ws://static.example"}}')
    (root / ".hidden.js").write_text("secret")
    (root / "notes.py").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    return root


@pytest.fixture
def server(folder):
    server = PageServer(Site(SETTINGS, folder), "127.0.0.1", 0)
    with server.serving():
        yield server


@pytest.fixture
def ask(server):
    """Send one request and return the response and its body."""

    def ask(path="/", method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    return ask


def send_raw(server, request):
    """Everything that the server answers to some bytes until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def policy(response):
    return dict(
        part.strip().split(" ", 1)
        for part in response.headers["Content-Security-Policy"].split(";")
    )


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/", "text/html; charset=utf-8"),
            ("/index.html", "text/html; charset=utf-8"),
            ("/app.js", "text/javascript; charset=utf-8"),
            ("/app.js?v=2", "text/javascript; charset=utf-8"),
            ("/vendor/chart.css", "text/css; charset=utf-8"),
            ("/icon.svg", "image/svg+xml"),
            ("/config.json", "application/json"),
        ],
    )
    def test_a_file_comes_with_its_type(self, ask, path, kind):
        response, _ = ask(path)
        assert (200, kind, "nosniff") == (
            response.status,
            response.headers["Content-Type"],
            response.headers["X-Content-Type-Options"],
        )

    @pytest.mark.parametrize(
        "path",
        [
            "/../secret.txt",
            "/vendor/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/%2e%2e%5csecret.txt",
            "//etc/passwd",
            "/etc/passwd",
            "/vendor",
            "/vendor/",
            "/.hidden.js",
            "/notes.py",
            "/index.html/",
            "/app.js%00.html",
            "/\xff\xfe".encode("latin-1").decode("latin-1"),
            "/" + "a" * 60_000,
        ],
    )
    def test_what_is_not_of_the_page_is_not_there(self, server, path):
        head, _, body = send_raw(
            server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1")
        ).partition(b"\r\n\r\n")
        assert (b"HTTP/1.1 404", b"there is nothing here\n") == (head[:12], body)

    def test_head_says_the_same_without_a_body(self, ask):
        told, _ = ask("/app.js")
        response, body = ask("/app.js", "HEAD")
        assert (200, b"", str(len(SCRIPT))) == (
            response.status,
            body,
            response.headers["Content-Length"],
        )
        assert told.headers["ETag"] == response.headers["ETag"]

    @pytest.mark.parametrize(
        "method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "X"]
    )
    def test_no_other_method_is_known(self, ask, method):
        response, _ = ask("/", method)
        assert (405, "GET, HEAD") == (response.status, response.headers["Allow"])

    @pytest.mark.parametrize("header", ["Content-Length: 40", "Transfer-Encoding: chunked"])
    def test_what_hides_behind_a_request_is_not_answered(self, server, header):
        hidden = b"GET /app.js HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = send_raw(
            server, f"GET / HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode() + hidden
        )
        assert (1, b"HTTP/1.1 400") == (answer.count(b"HTTP/1.1 "), answer[:12])

    def test_every_shipped_file_is_served(self):
        site = Site(SETTINGS)
        shipped = [path for path in web_dir().rglob("*") if path.is_file()]
        status = {
            str(path.relative_to(web_dir())): site.answer(
                Wish(path=f"/{path.relative_to(web_dir()).as_posix()}", headers={})
            ).status
            for path in shipped
        }
        assert dict.fromkeys(status, 200) == status
        assert "index.html" in status


class TestCopies:
    def test_a_date_out_of_every_calendar_is_no_date(self, ask):
        response, _ = ask("/app.js", If_Modified_Since="Mon, 20 Nov 2026 12:00:00 +9999999999999")
        assert response.status == 200

    def test_what_the_browser_has_is_not_sent_again(self, ask):
        first, _ = ask("/app.js")
        for header in (
            {"If_None_Match": first.headers["ETag"]},
            {"If_None_Match": f'"other", {first.headers["ETag"]}'},
            {"If_None_Match": "*"},
            {"If_Modified_Since": first.headers["Last-Modified"]},
        ):
            response, body = ask("/app.js", **header)
            assert (304, b"", first.headers["ETag"]) == (
                response.status,
                body,
                response.headers["ETag"],
            )

    @pytest.mark.parametrize(
        "header",
        [
            {"If_None_Match": '"other"'},
            # A tag goes before a date.
            {"If_None_Match": '"other"', "If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
            {"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
            {"If_Modified_Since": "yesterday"},
            {"If_Modified_Since": "Fri, 01 Jan 99999 00:00:00 GMT"},
        ],
    )
    def test_what_it_has_not_is_sent(self, ask, header):
        response, body = ask("/app.js", **header)
        assert (200, SCRIPT) == (response.status, body)

    def test_another_content_has_another_tag(self, folder):
        before = Site(SETTINGS, folder).answer(Wish(path="/app.js", headers={})).headers["ETag"]
        (folder / "app.js").write_bytes(SCRIPT + b"x")
        after = Site(SETTINGS, folder).answer(Wish(path="/app.js", headers={})).headers["ETag"]
        assert before != after

    def test_every_copy_is_asked_for_again(self, ask):
        assert ask("/app.js")[0].headers["Cache-Control"] == "no-cache"

    def test_text_is_packed_for_those_who_can_unpack(self, ask):
        response, body = ask("/app.js", Accept_Encoding="br, gzip")
        assert ("gzip", SCRIPT, "Accept-Encoding") == (
            response.headers["Content-Encoding"],
            gzip.decompress(body),
            response.headers["Vary"],
        )
        assert ask("/icon.svg", Accept_Encoding="gzip")[1] == b"<svg/>"


class TestSettings:
    def test_the_page_is_told_of_the_broker_on_the_host_where_it_was_opened(self, ask):
        response, body = ask("/config.json", Host="home.lan:8180")
        assert json.loads(body) == {
            "broker": {"url": "ws://home.lan:9001"},
            "prefix": "backstride",
            "title": "Gym",
        }
        assert policy(response)["connect-src"] == "'self' ws://home.lan:9001"

    def test_an_address_of_ipv6_stays_in_brackets(self, ask):
        assert json.loads(ask("/config.json", Host="[fd00::1]:8180")[1])["broker"] == {
            "url": "ws://[fd00::1]:9001"
        }

    @pytest.mark.parametrize(
        "host", ["", "a b", "x;script-src *", "x'y", "a" * 300, "evil/x", "u@x"]
    )
    def test_a_host_that_is_none_reaches_no_policy(self, ask, host):
        response, body = ask("/config.json", Host=host)
        assert ("'self'", None) == (
            policy(response)["connect-src"],
            json.loads(body)["broker"]["url"],
        )

    def test_a_broker_elsewhere_is_the_only_one_to_connect_to(self, folder):
        settings = PageSettings(broker="wss://broker.example/mqtt", prefix="gym/floor-2")
        answer = Site(settings, folder).answer(Wish(path="/config.json", headers={"host": "home"}))
        assert json.loads(answer.body)["broker"] == {"url": "wss://broker.example/mqtt"}
        assert answer.headers["Content-Security-Policy"].endswith(
            "connect-src 'self' wss://broker.example"
        )

    def test_nothing_else_may_be_loaded_or_frame_the_page(self, ask):
        rules = policy(ask("/")[0])
        assert {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
        }.items() <= rules.items()
        assert ask("/")[0].headers["Referrer-Policy"] == "no-referrer"

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"broker": "ws://anna:pass@broker:9001"}, "everybody who opens the page"),
            ({"broker": "mqtt://broker:1883"}, "is no websockets address"),
            ({"broker": "broker:9001"}, "is no websockets address"),
            ({"broker": "ws://broker:99999"}, "is no websockets address"),
            ({"broker": "ws://broker:x"}, "is no websockets address"),
            ({"broker": "ws://a b:1"}, "is no websockets address"),
            ({"broker": "ws://x;y:1"}, "is no websockets address"),
            ({"broker": "ws://broker:9001#x"}, "is no websockets address"),
            ({"broker": "ws://["}, "is no address"),
            ({"broker": "ws://b", "prefix": "a/#"}, "topic prefix"),
            ({"broker": "ws://b", "title": ""}, "a title has"),
            ({"broker": "ws://b", "title": "x" * 61}, "a title has"),
        ],
    )
    def test_what_no_page_could_work_with_is_refused(self, settings, words):
        with pytest.raises(SiteError, match=words):
            check_settings(PageSettings(**settings), https=False)

    def test_a_page_over_https_needs_a_broker_over_tls(self):
        with pytest.raises(SiteError, match="only wss://"):
            check_settings(PageSettings(broker="ws://broker:9001"), https=True)
        good = PageSettings(broker="wss://broker:9001")
        assert check_settings(good, https=True) == good

    def test_a_directory_without_a_page_is_refused(self, tmp_path):
        with pytest.raises(SiteError, match="there is no page"):
            Site(SETTINGS, tmp_path)


class TestExport:
    @pytest.mark.parametrize(
        ("broker", "told"),
        [
            ("ws://:9001", {"port": 9001, "path": None, "tls": False}),
            ("wss://:443/mqtt", {"port": 443, "path": "/mqtt", "tls": True}),
            ("wss://broker.example/mqtt", {"url": "wss://broker.example/mqtt"}),
        ],
    )
    def test_any_web_server_can_serve_what_is_written(self, folder, tmp_path, broker, told):
        target = tmp_path / "www" / "page"
        count = Site(PageSettings(broker=broker), folder).write(target)
        assert {path.relative_to(target).as_posix() for path in target.rglob("*.*")} == {
            *{"index.html", "app.js", "vendor/chart.css", "icon.svg", "config.json"}
        }
        assert (count, told) == (5, json.loads((target / "config.json").read_text())["broker"])
        assert (target / "app.js").read_bytes() == SCRIPT


class TestServer:
    def test_a_port_that_is_taken_is_told(self, server, folder):
        with pytest.raises(CommandFailedError, match=r"is taken .* choose another with --port"):
            PageServer(Site(SETTINGS, folder), "127.0.0.1", server.port)

    def test_an_address_of_another_host_is_told(self, folder):
        with pytest.raises(CommandFailedError, match="no address of this host"):
            PageServer(Site(SETTINGS, folder), "192.0.2.1", 0)

    def test_visitors_above_the_number_are_turned_away_and_the_first_are_served(self, server):
        guests = [
            socket.create_connection(("127.0.0.1", server.port), timeout=10)
            for _ in range(MOST_VISITORS)
        ]
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as late:
            assert late.recv(1) == b""
        guests[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert guests[0].recv(12) == b"HTTP/1.1 200"
        for guest in guests:
            guest.close()

    def test_who_leaves_in_the_middle_makes_room_again(self, server, ask):
        for _ in range(MOST_VISITORS + 1):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as guest:
                guest.sendall(b"GET /app.js HT")
                guest.shutdown(socket.SHUT_WR)
                while guest.recv(1_000):
                    pass
        assert ask("/")[0].status == 200

    @pytest.fixture
    def certificate(self, tmp_path):
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
        )
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
        return tmp_path / "cert.pem", tmp_path / "key.pem"

    def test_with_a_certificate_it_speaks_only_https(self, folder, certificate):
        with PageServer(Site(SETTINGS, folder), "127.0.0.1", 0, load_tls(*certificate)) as server:
            context = ssl.create_default_context(cafile=str(certificate[0]))
            with server.serving():
                plain = b""
                with contextlib.suppress(ConnectionResetError):
                    plain = send_raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                connection = http.client.HTTPSConnection(
                    "127.0.0.1", server.port, timeout=10, context=context
                )
                connection.request("GET", "/")
                status = connection.getresponse().status
                connection.close()
        assert (200, False) == (status, b"200" in plain)

    def test_a_key_of_another_certificate_is_told(self, certificate, tmp_path):
        command = "openssl ecparam -name prime256v1 -genkey -noout -out other.pem"
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
        with pytest.raises(CommandFailedError, match="cannot be used as certificate"):
            load_tls(certificate[0], tmp_path / "other.pem")


class TestKnock:
    async def test_a_broker_with_websockets_opens(self, tmp_path, in_a_thread):
        async with Mosquitto(tmp_path, websockets=free_port()) as broker:
            assert await in_a_thread(knock, f"ws://127.0.0.1:{broker.websockets}") is None

    async def test_a_broker_without_them_is_told_apart_from_none(self, tmp_path, in_a_thread):
        async with Mosquitto(tmp_path) as broker:
            plain = await in_a_thread(knock, f"ws://127.0.0.1:{broker.port}")
        absent = await in_a_thread(knock, f"ws://127.0.0.1:{free_port()}")
        assert "speaks no websockets" in plain
        assert "nothing answers" in absent
        assert "`listener 9001` and `protocol websockets`" in absent

    def test_a_web_server_is_no_broker(self, server):
        assert "answered 200" in knock(f"ws://127.0.0.1:{server.port}/")


class TestCommand:
    @pytest.fixture
    def environment(self, tmp_path):
        config = tmp_path / "c.toml"
        config.write_text('[broker]\nhost = "broker.invalid"\nprefix = "gym"\n')
        return {**os.environ, "BACKSTRIDE_CONFIG": str(config)}

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_says_where_to_look_serves_and_ends_when_told(self, environment, number):
        with subprocess.Popen(
            [*COMMAND, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as process:
            said = process.stdout.readline()
            port = re.fullmatch(r"open http://127\.0\.0\.1:(\d+)/\n", said)[1]
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
            connection.request("GET", "/config.json")
            told = json.load(connection.getresponse())
            connection.close()
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)
        assert told == {
            "broker": {"url": "ws://broker.invalid:9001"},
            "prefix": "gym",
            "title": "Backstride",
        }
        assert process.returncode == 0
        assert errors.startswith("nothing answers at ws://broker.invalid:9001 yet")

    @pytest.mark.parametrize(
        ("broker", "told"),
        [
            ('host = "broker.lan"', {"url": "ws://broker.lan:9001"}),
            ('host = "broker.lan"\n[broker.tls]', {"url": "wss://broker.lan:9001"}),
            ('host = "fd00::1"\n[broker.tls]\nca = "/ca.pem"', {"url": "wss://[fd00::1]:9001"}),
        ],
    )
    def test_a_broker_that_speaks_tls_does_so_to_browsers_too(self, tmp_path, broker, told):
        from backstride.cli.main import main

        config = tmp_path / "c.toml"
        config.write_text(f"[broker]\n{broker}\n")
        assert 0 == main(["dashboard", "--config", str(config), "--export", str(tmp_path / "page")])
        assert told == json.loads((tmp_path / "page/config.json").read_text())["broker"]

    @pytest.mark.parametrize(
        "words",
        [
            ("--certificate", "c.pem"),
            ("--certificate", "/nowhere.pem", "--key", "/nowhere.pem"),
            ("--broker-url", "http://broker"),
            ("--prefix", "a b"),
            ("--port", "70000"),
            ("--config", "/nowhere.toml"),
        ],
    )
    def test_wrong_usage_ends_with_2_and_a_sentence(self, words, capsys):
        from backstride.cli.main import main

        code = main(["dashboard", *words])
        assert (Exit.USAGE, "", "Traceback") == (code, *_silent(capsys))


def _silent(capsys):
    """What was printed, and a word that is missing from what was complained about."""
    out, err = capsys.readouterr()
    assert err.strip()
    return out, "" if "Traceback" in err else "Traceback"


def test_the_daemon_listens_on_no_socket(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = {free_port()}\n'
        f'[service]\nstate_directory = "{tmp_path}/state"\nlog_format = "json"\n'
        '[[treadmill]]\nid = "home"\nvirtual = "ideal"\n'
    )
    command = [sys.executable, "-m", "backstride.cli", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            assert any('"event":"ready"' in line.replace(" ", "") for line in daemon.stderr)
            sockets = psutil.Process(daemon.pid).net_connections(kind="inet")
        finally:
            daemon.terminate()
            daemon.stderr.read()
    assert [socket for socket in sockets if socket.status == psutil.CONN_LISTEN] == []


def test_the_daemon_knows_nothing_of_the_server():
    code = "import sys, backstride.service.supervisor; print('http.server' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_no_file_of_the_page_asks_another_host():
    texts = {
        path: path.read_text()
        for path in Path(web_dir()).rglob("*")
        if path.suffix in {".html", ".css", ".webmanifest"}
    }
    found = {
        path.name: re.findall(r"(?:src|href|url)\s*[=(:]\s*[\"']?(?:https?:)?//[^\s\"')]+", text)
        for path, text in texts.items()
    }
    assert {name: addresses for name, addresses in found.items() if addresses} == {}
