"""`history export` and `upload`: what was walked leaves the machine only when it is asked for."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import fitdecode
import pytest
from msgspec.structs import replace

from backstride.cli.exits import Exit
from backstride.domain.record import Head, Sample
from backstride.domain.workout import Level
from backstride.history.database import FILE
from backstride.history.store import Entry, Store


@pytest.fixture
def config(tmp_path):
    """A host on which two sessions were walked; in a third the treadmill never moved."""
    state = tmp_path / "state"
    state.mkdir()
    with Store(state / FILE) as store:
        for number in (1, 2, 3):
            walked = 0 if number == 3 else 2_000
            head = Head(
                id=f"2026112{number}-home", treadmill="home", program="hill", program_name="Hill",
                level=Level.REGULAR, started=1_795_201_234_000 + number * 86_400_000, length=3_000,
                outcome="completed", walked=walked, backward=walked, walker="anna" if number == 1 else None,
            )  # fmt: skip
            samples = [Sample(at=at, speed=150, distance=at // 1_000) for at in (0, 1_000, 2_000)]
            store.write(head, [Entry(i, one) for i, one in enumerate(samples if walked else ())])
    path = tmp_path / "backstride.toml"
    path.write_text(f'[service]\nstate_directory = "{state}"\n')
    return path


@pytest.fixture
def server():
    """intervals.icu, as far as this needs it; `busy` makes it refuse."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, told):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            text = json.dumps(told).encode()
            self.send_response(503 if server.busy else 200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            self._answer({"name": "Anna"})

        def do_POST(self):
            server.got += not server.busy
            self._answer({"id": f"i{server.got}"})

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.busy = 0, False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class TestExport:
    def test_the_newest_one_is_written_without_being_named(self, run, config, tmp_path):
        result = run("history", "export", "--config", config, "--output", tmp_path, "-f", "json")
        [path] = tmp_path.glob("*.json")
        assert (Exit.OK, f"{path}\n") == (result.code, result.out)
        assert "20261123-home" == json.loads(path.read_text())["id"]

    def test_all_are_written_as_fit(self, run, config, tmp_path):
        assert Exit.OK == run("history", "export", "--all", "--config", config, "-o", tmp_path).code
        files = sorted(tmp_path.glob("*.fit"))
        assert 3 == len(files)
        with fitdecode.FitReader(str(files[0])) as reader:
            names = [one.name for one in reader if one.frame_type == fitdecode.FIT_FRAME_DATA]
        assert 3 == names.count("record")

    def test_one_walkers_only(self, run, config, tmp_path):
        run(
            "history",
            "export",
            "--all",
            "-w",
            "anna",
            "--config",
            config,
            "-o",
            tmp_path,
            "-f",
            "csv",
        )
        assert 1 == len(list(tmp_path.glob("*.csv")))

    def test_a_name_and_all_are_a_contradiction(self, run, config):
        assert Exit.USAGE == run("history", "export", "1", "--all", "--config", config).code


class TestUpload:
    @pytest.fixture
    def send(self, run, config, server, monkeypatch):
        monkeypatch.setattr("typer.prompt", lambda *_, **__: "k3y")
        url = f"http://127.0.0.1:{server.server_port}"
        result = run("upload", "login", "intervals", "--server", url, "--config", config)
        assert (Exit.OK, "logged in at intervals.icu as Anna\n") == (result.code, result.out)
        return lambda *words: run(
            "upload", "send", "intervals", *words, "--server", url, "--config", config
        )

    def test_what_is_new_is_sent_once_the_oldest_first(self, send, server):
        first = send("--new")
        assert (Exit.OK, 2) == (first.code, server.got)
        assert ["20261121-home:", "20261122-home:"] == [
            line.split()[0] for line in first.out.splitlines()
        ]
        assert (Exit.OK, "", 2) == ((again := send("--new")).code, again.out, server.got)

    def test_one_that_was_sent_is_not_sent_again(self, send, server):
        send("2")
        assert ("is there already: https://intervals.icu/activities/i1" in send("2").out, 1) == (
            True,
            server.got,
        )

    def test_one_in_which_nobody_walked_is_not_sent(self, send, server):
        assert ("nobody walked" in send("1").out, server.got) == (True, 0)

    def test_a_service_that_is_busy_is_asked_once_and_told(self, send, server):
        server.busy = True
        result = send("--new")
        assert (Exit.REFUSED, 1) == (result.code, result.err.count("is busy"))

    def test_it_must_be_told_what_to_send(self, send):
        assert Exit.USAGE == send().code

    def test_of_several_people_only_theirs_who_logged_in_is_sent(self, run, send, config, server):
        with Store(config.parent / "state" / FILE) as store:
            head = store.heads()[1]
            store.write(replace(head, id="20261124-home", walker="bob"), [])
        refused = send("--new")
        assert (Exit.REFUSED, True, 0) == (refused.code, "say whose" in refused.err, server.got)
        url = f"http://127.0.0.1:{server.server_port}"
        run("upload", "login", "intervals", "-w", "anna", "--server", url, "--config", config)
        assert (Exit.OK, 1) == (send("--new").code, server.got)
        assert "bob's session, not anna's" in send("20261124").err

    def test_after_a_logout_nothing_is_sent(self, run, send, config, server):
        assert "logged out" in run("upload", "logout", "intervals", "--config", config).out
        result = send("2")
        assert (Exit.REFUSED, "log in first" in result.err, server.got) == (result.code, True, 0)
