"""The questions of `setup`, each with what is known already as its default; Enter takes that.

What the flags said is not asked. An answer is held against the reader of its key, so that it is refused here
as the daemon would refuse it, with what would be accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from backstride.domain.errors import BackstrideError
from backstride.ftms.discovery import Candidate
from backstride.mqtt.probe import Reception, Welcome, probe
from backstride.mqtt.remoteclient import RemoteSettings
from backstride.mqtt.settings import Tls
from backstride.service.config import SECTIONS
from backstride.service.configreader import WrongValueError
from backstride.service.installation.answers import Answers, find_treadmill
from backstride.service.installation.editing import read_values
from backstride.service.settings import PORT, TLS_PORT

type Scan = Callable[[], Awaitable[tuple[Candidate, ...]]]
type Ask = Callable[[str, bool], str]
"""Shows a prompt and returns the line; the flag hides what is typed. EOFError when nobody is there."""

_AGAIN: Final = "r"
_SKIP: Final = "s"


class Interview:
    """One conversation about one configuration."""

    def __init__(self, text: str, given: Answers, console: Console, ask: Ask, scan: Scan) -> None:
        self._answers = given
        self._console = console
        self._ask_line = ask
        self._scan = scan
        self._text = text
        values = read_values(text)
        self._broker: Mapping[str, Any] = values.get("broker", {})
        self._site: Mapping[str, Any] = values.get("site", {})
        self._treadmills: list[Mapping[str, Any]] = values.get("treadmill", [])

    def run(self) -> Answers:
        """Ask what is not known.

        Raises:
            EOFError: nobody answers any more.
        """
        self._title("Treadmill")
        self._ask_address()
        self._ask_name()
        self._title("Broker")
        self._ask_broker()
        self._title("Limits")
        self._ask_speed()
        return self._answers

    # -- the treadmill -------------------------------------------------------------------------

    def _ask_address(self) -> None:
        if self._answers.address is not None:
            return
        known = self._present().get("address")
        while True:
            found = self._listen()
            hint = f"number, address, {_AGAIN} to listen again, {_SKIP} to leave it open"
            reply = self._ask(f"Which one? [{hint}]", known or ("1" if len(found) == 1 else None))
            if reply.casefold() == _AGAIN:
                continue
            if reply.casefold() == _SKIP:
                return
            if reply.isdecimal() and 1 <= int(reply) <= len(found):
                reply = found[int(reply) - 1].address
            if self._accept("treadmill", "address", reply):
                self._answers = replace(self._answers, address=reply.upper())
                return

    def _listen(self) -> tuple[Candidate, ...]:
        try:
            with self._console.status("listening for treadmills, 5 s; switch yours on"):
                found = asyncio.run(_await(self._scan))
        except BackstrideError as error:
            self._say(str(error), "red")
            return ()
        if not found:
            self._say(
                "no treadmill in range: switch it on, and close the phone's app, which hides it",
                "yellow",
            )
        for number, one in enumerate(found, 1):
            dbm = "" if one.rssi is None else f", {one.rssi} dBm"
            self._say(f"  {number}  {one.name or '(no name)'}  {one.address}{dbm}")
        return found

    def _ask_name(self) -> None:
        present = self._present()
        if self._answers.treadmill is None:
            reply = self._ask_key("treadmill", "id", "Its id, for topics?", present.get("id"))
            self._answers = replace(self._answers, treadmill=reply)
            present = self._present()
        if self._answers.name is None:
            default = present.get("name") or str(self._answers.treadmill).replace("-", " ").title()
            reply = self._ask_key("treadmill", "name", "Its name, for people?", default)
            self._answers = replace(self._answers, name=reply)

    def _present(self) -> Mapping[str, Any]:
        """What the file says of the treadmill that this is about."""
        number = find_treadmill(self._text, self._answers.treadmill)
        return self._treadmills[number] if number < len(self._treadmills) else {}

    # -- the broker ----------------------------------------------------------------------------

    def _ask_broker(self) -> None:
        while True:
            asked = self._answers
            if asked.host is None:
                host = self._ask_key(
                    "broker", "host", "Its name or address?", self._broker.get("host", "localhost")
                )
                port = self._broker.get("port", PORT)
                asked = replace(asked, host=host, port=self._ask_port(port))
            asked = self._ask_access(asked)
            if self._welcome(asked):
                self._answers = asked
                return
            if self._answers.host is not None or not self._decide("Enter it again?"):
                self._answers = asked
                return

    def _ask_port(self, default: int) -> int:
        while True:
            reply = self._ask("Its port? [1883, or 8883 with TLS]", str(default))
            if reply.isdecimal() and 1 <= int(reply) <= 65_535:
                return int(reply)
            self._say("write a number from 1 to 65535", "red")

    def _ask_access(self, asked: Answers) -> Answers:
        if asked.port == TLS_PORT and "tls" not in self._broker:
            asked = self._ask_certificates(asked)
        if asked.user is None:
            reply = self._ask("Our user there? [Enter: none]", self._broker.get("user", ""))
            asked = replace(asked, user=reply or None)
        if asked.user is not None and asked.password is None:
            known = {"credential", "password_file"} & self._broker.keys()
            hint = "Enter: as it is" if known else "nothing is shown"
            reply = self._ask_line(f"Password? [{hint}] ", True)
            asked = replace(asked, password=reply or None)
        return asked

    def _ask_certificates(self, asked: Answers) -> Answers:
        if asked.ca is None:
            authority = (
                "The file of the authority that signed its certificate? [Enter: a public one]"
            )
            asked = replace(asked, ca=self._ask_file("ca", authority))
        if asked.cert is None and asked.key is None:
            own = "The file of our own certificate, if it asks for one? [Enter: none]"
            asked = replace(asked, cert=self._ask_file("cert", own))
            if asked.cert is not None:
                key = self._ask_key("broker.tls", "key", "The file of its key?", None)
                asked = replace(asked, key=key)
        return asked

    def _ask_file(self, key: str, sentence: str) -> str | None:
        while True:
            reply = self._ask(sentence, "")
            if not reply or self._accept("broker.tls", key, reply):
                return reply or None

    def _welcome(self, asked: Answers) -> bool:
        """Try what was said; a password that is on file only is tried by the examination later."""
        settings = RemoteSettings(
            host=asked.host or "localhost",
            port=asked.port or PORT,
            user=asked.user if asked.password else None,
            password=asked.password,
            tls=self._find_tls(asked),
            prefix=self._broker.get("prefix", "backstride"),
            protocol="auto",
        )
        with self._console.status("trying the broker"):
            reception: Reception = asyncio.run(probe(settings, ()))
        where = f"{settings.host}:{settings.port}"
        if reception.welcome is Welcome.IN:
            self._say(f"{where} lets us in", "green")
            return True
        if reception.welcome is Welcome.REFUSED and asked.user and not asked.password:
            return True
        self._say(f"{where}: {reception.welcome} ({reception.detail})", "red")
        return False

    def _find_tls(self, asked: Answers) -> Tls | None:
        known: Mapping[str, str] | None = self._broker.get("tls")
        if known is None and asked.port != TLS_PORT and not (asked.ca or asked.cert):
            return None
        said = {"ca": asked.ca, "cert": asked.cert, "key": asked.key}
        files = dict(known or {}) | {name: file for name, file in said.items() if file is not None}
        # A gym's configuration names one for each treadmill.
        ours = {
            name: file.replace("{treadmill}", asked.treadmill or "") for name, file in files.items()
        }
        return Tls(ca=ours.get("ca"), certificate=ours.get("cert"), key=ours.get("key"))

    # -- the limits ----------------------------------------------------------------------------

    def _ask_speed(self) -> None:
        if self._answers.max_speed is None:
            sentence = "The fastest that anybody may go here? For cautious walkers: 2.0 km/h"
            default = self._site.get("max_speed", "4.0 km/h")
            reply = self._ask_key("site", "max_speed", sentence, default)
            self._answers = replace(self._answers, max_speed=reply)

    # -- asking --------------------------------------------------------------------------------

    def _ask_key(self, table: str, key: str, sentence: str, default: str | None) -> str:
        while True:
            reply = self._ask(sentence, default)
            if self._accept(table, key, reply):
                return reply

    def _accept(self, table: str, key: str, reply: str) -> bool:
        try:
            SECTIONS[table][key](reply)
        except WrongValueError as error:
            self._say(str(error), "red")
            return False
        return True

    def _ask(self, sentence: str, default: str | None) -> str:
        shown = f" ({default})" if default else ""
        while True:
            reply = self._ask_line(f"{sentence}{shown} ", False).strip()
            if reply or default is not None:
                return reply or str(default)

    def _decide(self, sentence: str) -> bool:
        return self._ask(f"{sentence} [y/n]", "y")[:1].casefold() == "y"

    def _title(self, text: str) -> None:
        self._console.print(Text(f"\n{text}", style="bold"))

    def _say(self, sentence: str, style: str = "") -> None:
        self._console.print(Text(sentence, style=style), soft_wrap=True)


async def _await[T](work: Callable[[], Awaitable[T]]) -> T:
    return await work()
