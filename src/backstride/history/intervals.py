"""intervals.icu: uploads by its API (intervals.icu/api/v1/docs), with the user's own API key.

The key is under Settings, Developer Settings. An upload whose `external_id` is known already is answered
with the activity that is there.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from backstride.history.upload import Parcel, Shelf, UploadError, ask, client

NAME: Final = "intervals"
URL: Final = "https://intervals.icu"
OWNER: Final = "0"
"""An athlete's id that means the owner of the key."""
_USER: Final = "API_KEY"


class Login(Struct, frozen=True, kw_only=True):
    """An API key, whose activities they are there, and whose sessions here (None: the only one's)."""

    key: str
    athlete: str = OWNER
    walker: str | None = None


class Intervals:
    """intervals.icu for one athlete."""

    def __init__(self, shelf: Shelf, url: str = URL) -> None:
        self._shelf = shelf
        self._http = client(url)

    def log_in(self, login: Login) -> str:
        """Look whether the key fits, keep it, and return the athlete's name.

        Raises:
            UploadError: it does not fit.
        """
        told = ask(
            "the login",
            lambda: self._http.get(f"/api/v1/athlete/{login.athlete}", auth=(_USER, login.key)),
        )
        self._shelf.write_login(login)
        return str(told.get("name") or told.get("id") or login.athlete)

    def send(self, parcel: Parcel) -> str:
        """Upload.

        Raises:
            UploadError: nobody logged in, or it was not taken.
        """
        login = self._shelf.read_login(Login)
        if login is None:
            raise UploadError(f"log in first: backstride upload login {NAME}", later=False)
        told = ask(
            "the upload",
            lambda: self._http.post(
                f"/api/v1/athlete/{login.athlete}/activities",
                auth=(_USER, login.key),
                params={
                    "name": parcel.name,
                    "description": parcel.description,
                    "external_id": parcel.id,
                },
                files={"file": (parcel.file, parcel.data, "application/octet-stream")},
            ),
        )
        activity = told.get("id")
        if activity is None:
            raise UploadError("the upload: the answer names no activity", later=False)
        return f"{URL}/activities/{activity}"
