"""Strava: uploads by its API v3 (developers.strava.com/docs/uploads, /docs/authentication).

An access token lasts six hours; the refresh token that gets a new one may change each time, so each is kept
before it is used. An upload is taken at once and processed later: it is asked for until it is an activity.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from backstride.history.upload import Parcel, Shelf, UploadError, ask, client

NAME: Final = "strava"
URL: Final = "https://www.strava.com"
SCOPE: Final = "activity:write"
EARLY_S: Final = 300
"""A token is renewed so long before its end."""
POLLS: Final = 30
"""So often an upload is asked for, a second apart as Strava wishes; two seconds are usual."""
_DUPLICATE: Final = re.compile(r"duplicate of .*?activit\w*[ /](\d+)", re.IGNORECASE)


class Login(Struct, frozen=True, kw_only=True):
    """An application of the user's own, and what it may do for them. `expires_at` in s since 1970.

    `walker` is whose sessions go there; None where only one person walks.
    """

    client_id: str
    client_secret: str
    access_token: str = ""
    refresh_token: str = ""
    expires_at: int = 0
    walker: str | None = None


def authorisation_url(login: Login, url: str = URL) -> str:
    """Where the user allows the upload; the browser then goes to an address that holds the code."""
    query = {
        "client_id": login.client_id,
        "response_type": "code",
        "redirect_uri": "http://localhost/backstride",
        "approval_prompt": "auto",
        "scope": SCOPE,
    }
    return f"{url}/oauth/authorize?{urlencode(query)}"


def code_in(pasted: str) -> str:
    """The code in what the user pasted: the address that the browser went to, or the code alone.

    Raises:
        UploadError: the user refused, or left out the permission to write.
    """
    query = parse_qs(urlsplit(pasted.strip()).query)
    if "error" in query:
        raise UploadError(f"Strava says: {query['error'][0]}", later=False)
    if "scope" in query and SCOPE not in query["scope"][0]:
        raise UploadError("the permission to upload activities was not given", later=False)
    return query["code"][0] if "code" in query else pasted.strip()


class Strava:
    """Strava for one athlete. `pause` waits between two questions, `now` tells s since 1970."""

    def __init__(
        self,
        shelf: Shelf,
        url: str = URL,
        *,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._shelf = shelf
        self._http = client(url)
        self._pause = pause
        self._now = now

    def log_in(self, login: Login, code: str) -> None:
        """Exchange the code for tokens, and keep them.

        Raises:
            UploadError: Strava does not take it.
        """
        self._get_tokens(login, {"grant_type": "authorization_code", "code": code})

    def send(self, parcel: Parcel) -> str:
        """Upload, and wait until it is an activity.

        Raises:
            UploadError: nobody logged in, or it was not taken.
        """
        headers = {"Authorization": f"Bearer {self._token()}"}
        told = ask(
            "the upload",
            lambda: self._http.post(
                "/api/v3/uploads",
                headers=headers,
                data={
                    "name": parcel.name,
                    "description": parcel.description,
                    "trainer": "1",
                    "data_type": "fit",
                    "external_id": parcel.id,
                },
                files={"file": (parcel.file, parcel.data, "application/octet-stream")},
            ),
        )
        for _ in range(POLLS):
            if (address := self._judge(told)) is not None:
                return address
            self._pause(1.0)
            told = self._look(told.get("id_str") or told.get("id"), headers)
        raise UploadError("Strava is still processing it; try later", later=True)

    def _look(self, number: object, headers: dict[str, str]) -> dict[str, Any]:
        return ask(
            "the upload", lambda: self._http.get(f"/api/v3/uploads/{number}", headers=headers)
        )

    def _judge(self, told: dict[str, Any]) -> str | None:
        """The activity's address, None while it is processed."""
        if error := told.get("error"):
            if known := _DUPLICATE.search(str(error)):
                return f"{URL}/activities/{known[1]}"
            raise UploadError(f"Strava does not take it: {error}", later=False)
        activity = told.get("activity_id")
        return None if activity is None else f"{URL}/activities/{activity}"

    def _token(self) -> str:
        login = self._shelf.read_login(Login)
        if login is None:
            raise UploadError(f"log in first: backstride upload login {NAME}", later=False)
        if login.expires_at - self._now() < EARLY_S:
            form = {"grant_type": "refresh_token", "refresh_token": login.refresh_token}
            login = self._get_tokens(login, form)
        return login.access_token

    def _get_tokens(self, login: Login, form: dict[str, str]) -> Login:
        form |= {"client_id": login.client_id, "client_secret": login.client_secret}
        told = ask("the login", lambda: self._http.post("/oauth/token", data=form))
        try:
            renewed = replace(
                login,
                access_token=str(told["access_token"]),
                refresh_token=str(told["refresh_token"]),
                expires_at=int(told["expires_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UploadError("the login: the answer holds no tokens", later=False) from error
        self._shelf.write_login(renewed)
        return renewed
