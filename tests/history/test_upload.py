"""Uploads against stand-ins that speak the documented API over real HTTP, and misbehave as services do."""

from __future__ import annotations

import email.policy
import json
import stat
import threading
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from backstride.history import intervals, strava
from backstride.history.upload import Parcel, Shelf, UploadError

PARCEL = Parcel(
    id="20261120-1-home-b00t",
    name="First steps",
    description="6 min",
    file="a.fit",
    data=b"\x0eFIT",
)
NOW = 1_795_201_234
LOGIN = strava.Login(client_id="77", client_secret="hush")


class Desk:
    """What a stand-in was asked, and what it answers: (status, object) by "METHOD path"."""

    def __init__(self):
        self.asked = []
        self.answers = {}
        self.url = ""

    def answer(self, request, *answers):
        self.answers[request] = list(answers)

    def parts(self, number=-1):
        """The fields of a multipart body."""
        _, _, headers, body = self.asked[number]
        text = b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
        message = BytesParser(policy=email.policy.HTTP).parsebytes(text)
        return {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message.iter_parts()
        }


@pytest.fixture
def desk():
    desk = Desk()

    class Handler(BaseHTTPRequestHandler):
        def _do(self):
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            desk.asked.append((f"{self.command} {url.path}", url.query, self.headers, body))
            answers = desk.answers.get(f"{self.command} {url.path}") or [(404, {})]
            status, told = answers.pop(0) if len(answers) > 1 else answers[0]
            text = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _do  # noqa: N815  the library's names

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    desk.url = f"http://127.0.0.1:{server.server_port}"
    yield desk
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def refused(text, *, later):
    with pytest.raises(UploadError, match=text) as error:
        yield
    assert later is error.value.later


def tokens(number, lasts=21_600):
    return {
        "access_token": f"access{number}", "refresh_token": f"refresh{number}", "expires_at": NOW + lasts,
    }  # fmt: skip


class TestStrava:
    @pytest.fixture
    def shelf(self, tmp_path):
        return Shelf(tmp_path / "uploads", "strava")

    @pytest.fixture
    def service(self, desk, shelf):
        desk.answer("POST /oauth/token", (200, tokens(1)))
        service = strava.Strava(shelf, desk.url, pause=lambda _: None, now=lambda: NOW)
        service.log_in(LOGIN, "the-code")
        return service

    @pytest.mark.usefixtures("service")
    def test_a_login_exchanges_the_code_and_is_kept_for_its_owner_only(self, desk, tmp_path):
        form = parse_qs(desk.asked[0][3].decode())
        assert (["the-code"], ["77"], ["hush"], ["authorization_code"]) == (
            form["code"], form["client_id"], form["client_secret"], form["grant_type"],
        )  # fmt: skip
        path = tmp_path / "uploads" / "strava.json"
        assert (0o600, 0o700) == (
            stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode),
        )  # fmt: skip

    def test_an_upload_is_asked_for_until_it_is_an_activity(self, service, desk):
        desk.answer("POST /api/v3/uploads", (201, {"id": 5, "id_str": "5", "activity_id": None}))
        working = {"id": 5, "error": None, "activity_id": None, "status": "still being processed"}
        desk.answer("GET /api/v3/uploads/5", (200, working), (200, working | {"activity_id": 99}))
        assert "https://www.strava.com/activities/99" == service.send(PARCEL)
        assert ["GET /api/v3/uploads/5"] * 2 == [one[0] for one in desk.asked[-2:]]
        parts = desk.parts(-3)
        assert (b"\x0eFIT", b"fit", PARCEL.id.encode(), b"1") == (
            parts["file"], parts["data_type"], parts["external_id"], parts["trainer"],
        )  # fmt: skip
        assert "Bearer access1" == desk.asked[-3][2]["Authorization"]

    def test_a_token_near_its_end_is_renewed_and_the_new_refresh_token_kept(
        self, desk, shelf, service
    ):
        shelf.write_login(strava.Login(
            client_id="77", client_secret="hush", access_token="old", refresh_token="refresh1",
            expires_at=NOW + 60,
        ))  # fmt: skip
        desk.answer("POST /oauth/token", (200, tokens(2)))
        desk.answer("POST /api/v3/uploads", (201, {"id": 5, "activity_id": 99}))
        service.send(PARCEL)
        form = parse_qs(desk.asked[-2][3].decode())
        assert (["refresh_token"], ["refresh1"]) == (form["grant_type"], form["refresh_token"])
        assert "refresh2" == shelf.read_login(strava.Login).refresh_token

    def test_what_strava_has_already_is_no_error(self, service, desk):
        error = "a.fit duplicate of <a href='/activities/1234'>First steps</a>"
        desk.answer("POST /api/v3/uploads", (201, {"id": 5, "error": error}))
        assert "https://www.strava.com/activities/1234" == service.send(PARCEL)

    @pytest.mark.parametrize(
        ("answer", "text", "later"),
        [
            ((201, {"id": 5, "error": "a.fit is malformed"}), "malformed", False),
            ((401, {"message": "Authorization Error"}), "HTTP 401: Authorization Error", False),
            ((429, {"message": "Rate Limit Exceeded"}), "busy", True),
            ((503, b"<html>oops</html>"), "busy", True),
            ((200, b"<html>a portal</html>"), "not what the service documents", False),
        ],
    )
    def test_what_is_not_taken_is_told_and_whether_to_try_again(
        self, service, desk, answer, text, later
    ):
        desk.answer("POST /api/v3/uploads", answer)
        with refused(text, later=later):
            service.send(PARCEL)

    def test_one_that_is_never_done_is_given_up_for_now(self, service, desk):
        desk.answer("POST /api/v3/uploads", (201, {"id": 5}))
        desk.answer("GET /api/v3/uploads/5", (200, {"id": 5}))
        with refused("still processing", later=True):
            service.send(PARCEL)

    def test_without_a_login_it_says_how_to_get_one(self, desk, tmp_path):
        with refused("backstride upload login strava", later=False):
            strava.Strava(Shelf(tmp_path, "strava"), desk.url).send(PARCEL)

    def test_a_service_that_is_not_there_may_be_tried_later(self, shelf, desk):
        desk.answer("POST /oauth/token", (200, tokens(1)))
        strava.Strava(shelf, desk.url).log_in(LOGIN, "c")
        with refused("the upload: ", later=True):
            strava.Strava(shelf, "http://127.0.0.1:9", now=lambda: NOW).send(PARCEL)

    @pytest.mark.parametrize(
        ("pasted", "code"),
        [
            ("http://localhost/backstride?state=&code=abc&scope=read,activity:write", "abc"),
            (" abc \n", "abc"),
        ],
    )
    def test_the_code_is_found_in_what_is_pasted(self, pasted, code):
        assert code == strava.code_in(pasted)

    @pytest.mark.parametrize("query", ["error=access_denied", "code=abc&scope=read"])
    def test_a_permission_that_was_not_given_is_told(self, query):
        with pytest.raises(UploadError, match=r"Strava says|not given"):
            strava.code_in(f"http://localhost/backstride?{query}")

    def test_the_address_asks_for_no_more_than_to_upload(self):
        query = parse_qs(urlsplit(strava.authorisation_url(LOGIN)).query)
        assert (["activity:write"], ["77"]) == (query["scope"], query["client_id"])


class TestIntervals:
    @pytest.fixture
    def service(self, desk, tmp_path):
        desk.answer("GET /api/v1/athlete/0", (200, {"id": "i77", "name": "Anna"}))
        service = intervals.Intervals(Shelf(tmp_path, "intervals"), desk.url)
        assert "Anna" == service.log_in(intervals.Login(key="k3y"))
        return service

    def test_an_upload_names_the_session_and_brings_the_file(self, service, desk):
        desk.answer(
            "POST /api/v1/athlete/0/activities", (201, {"id": "i5", "icu_athlete_id": "i77"})
        )
        assert "https://intervals.icu/activities/i5" == service.send(PARCEL)
        _, query, headers, _ = desk.asked[-1]
        assert ([PARCEL.id], ["First steps"]) == (
            parse_qs(query)["external_id"], parse_qs(query)["name"],
        )  # fmt: skip
        assert headers["Authorization"].startswith("Basic ")
        assert {"file": b"\x0eFIT"} == desk.parts()

    def test_a_key_that_does_not_fit_is_not_kept(self, desk, tmp_path):
        desk.answer("GET /api/v1/athlete/0", (401, {"error": "Unauthorized"}))
        shelf = Shelf(tmp_path, "intervals")
        with refused("HTTP 401: Unauthorized", later=False):
            intervals.Intervals(shelf, desk.url).log_in(intervals.Login(key="x"))
        assert None is shelf.read_login(intervals.Login)

    def test_an_answer_without_an_activity_is_not_believed(self, service, desk):
        desk.answer("POST /api/v1/athlete/0/activities", (200, {}))
        with refused("names no activity", later=False):
            service.send(PARCEL)


class TestShelf:
    def test_what_was_sent_is_remembered_also_after_a_logout(self, tmp_path):
        shelf = Shelf(tmp_path / "u", "strava")
        assert ({}, False) == (shelf.sent(), shelf.forget())
        shelf.write_login(LOGIN)
        shelf.note("a", "there/1")
        shelf.note("b", "there/2")
        assert True is shelf.forget()
        assert {"a": "there/1", "b": "there/2"} == Shelf(tmp_path / "u", "strava").sent()

    def test_a_damaged_file_is_told_and_not_overwritten(self, tmp_path):
        path = tmp_path / "strava.sent"
        path.write_text("{")
        with refused("strava.sent is damaged", later=False):
            Shelf(tmp_path, "strava").note("a", "b")
        assert "{" == path.read_text()

    def test_a_place_that_cannot_be_written_is_told(self, tmp_path):
        (tmp_path / "file").write_text("")
        with refused("file", later=False):
            Shelf(tmp_path / "file" / "u", "strava").write_login(LOGIN)
