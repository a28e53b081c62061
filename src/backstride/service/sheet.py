"""The commissioning sheet as a file: `machines/<id>.yaml`, strict, and readable to a person.

Theory of operation: what a sheet says about its machine is the findings. `unlocked` is there for people and
must be what the findings unlock; a sheet that was edited to claim more (or less) is refused, as is
an unknown key, a missing check, or a value without its unit. To lower a machine's limits there is the
configuration; to raise them there is only another commissioning.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from backstride.domain.commissioning import Check, Finding, Proof, Sheet, Unlocked, unlock
from backstride.domain.errors import BackstrideError, UnitError
from backstride.domain.machine import InclineRange, SpeedRange
from backstride.domain.units import parse_incline, parse_speed, show_incline, show_speed
from backstride.scripts.problems import Findings
from backstride.scripts.tree import Mapping, Node, Scalar, compose, describe, load_text

VERSION: Final = "1"
NONE: Final = "none"
RANGE: Final = ("lowest", "highest", "step")
_TOP: Final = (
    *("sheet", "machine", "date", "who", "identity", "speed", "incline", "unlocked", "findings"),
)
IDENTITY: Final = ("address", "name", "fingerprint")
UNLOCKED: Final = ("belt start", "speed above 2.0 km/h", "unattended", "on link loss")
_HEAD: Final = """\
# Written by `backstride commission`. Name it in the configuration: [[treadmill]] sheet = "..."
# `unlocked` follows from `findings` and cannot be edited; commission the machine again instead.
"""


class SheetError(BackstrideError):
    """A commissioning sheet cannot be used; the message says where and why."""


# -- writing -----------------------------------------------------------------------------------


def render(sheet: Sheet) -> str:
    """The sheet as YAML."""
    lines = [
        _HEAD + _pair("sheet", VERSION, quoted=False),
        _pair("machine", sheet.machine),
        _pair("date", sheet.date),
        _pair("who", sheet.who),
        "identity:",
        _pair("  address", sheet.address),
        _pair("  name", sheet.name or NONE),
        _pair("  fingerprint", sheet.fingerprint),
        "speed:",
        *_range(sheet.speed, show_speed),
    ]
    if sheet.incline is None:
        lines.append(_pair("incline", NONE, quoted=False))
    else:
        lines += ["incline:", *_range(sheet.incline, show_incline)]
    lines.append("unlocked:")
    lines += [_pair(f"  {key}", value, quoted=False) for key, value in told(sheet.unlocked).items()]
    lines.append("findings:")
    for finding in sheet.findings:
        lines.append(f"  {finding.check}:")
        lines.append(_pair("    proof", finding.proof, quoted=False))
        lines.append(_pair("    figure", finding.figure))
    return "\n".join(lines) + "\n"


def told(unlocked: Unlocked) -> dict[str, str]:
    """What is unlocked, in words: the section of the sheet."""
    values = (
        unlocked.belt_start.value,
        "yes" if unlocked.cap is None else "no",
        "yes" if unlocked.unattended else "no",
        unlocked.on_link_loss.value,
    )
    return dict(zip(UNLOCKED, values, strict=True))


def _pair(key: str, value: str, *, quoted: bool = True) -> str:
    # A JSON string is a YAML string: nothing in a name can end it.
    return f"{key}: {msgspec.json.encode(value).decode() if quoted else value}"


def _range(found: SpeedRange | InclineRange, show: Callable[[int], str]) -> list[str]:
    values = (found.minimum, found.maximum, found.increment)
    return [f"  {name}: {show(value)}" for name, value in zip(RANGE, values, strict=True)]


def write_sheet(sheet: Sheet, path: Path) -> None:
    """Write it whole or not at all.

    Raises:
        SheetError: it cannot be written.
    """
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(render(sheet), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise SheetError(f"{path} cannot be written: {error.strerror}") from error


# -- reading -----------------------------------------------------------------------------------


def is_sheet(path: Path) -> bool:
    """The file says that it is a sheet, in whichever version."""
    try:
        return any(line.startswith("sheet:") for line in path.read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return False


def read_sheet(path: Path) -> Sheet:
    """Read a sheet.

    Raises:
        SheetError: it cannot be read, or says what it does not prove.
    """
    findings = Findings(str(path))
    try:
        return _Reader(findings).read(compose(load_text(path, findings), findings))
    except SheetError:
        raise
    except BackstrideError as error:
        raise SheetError(str(error)) from error


class _Reader:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def fail(self, node: Node, what: str, accepted: str) -> NoReturn:
        text = node.text if isinstance(node, Scalar) else ""
        error = self._findings.fail(node.at, what, text, accepted)
        raise SheetError(str(error)) from None

    def read(self, root: Node) -> Sheet:
        top = self.section(root, _TOP)
        if self.text(top["sheet"]) != VERSION:
            self.fail(top["sheet"], "this is another version of the sheet", VERSION)
        identity = self.section(top["identity"], IDENTITY)
        name = self.text(identity["name"])
        incline = top["incline"]
        found = Sheet(
            machine=self.text(top["machine"]),
            date=self.text(top["date"]),
            who=self.text(top["who"]),
            address=self.text(identity["address"]),
            name=None if name == NONE else name,
            fingerprint=self.text(identity["fingerprint"]),
            speed=SpeedRange(*self.range(top["speed"], parse_speed)),
            incline=None
            if isinstance(incline, Scalar) and incline.text == NONE
            else InclineRange(*self.range(incline, parse_incline)),
            findings=self.findings(top["findings"]),
        )
        self.compare(top["unlocked"], unlock(found.findings))
        return found

    def section(self, node: Node, keys: tuple[str, ...]) -> dict[str, Node]:
        """A mapping with these keys, all of them and no others."""
        accepted = ", ".join(keys)
        if not isinstance(node, Mapping):
            self.fail(node, f"here is {describe(node)}", f"a mapping with the keys {accepted}")
        for key, _ in node.entries:
            if key.text not in keys:
                self.fail(key, "this key is not known", accepted)
        found = {key.text: value for key, value in node.entries}
        for name in keys:
            if name not in found:
                self.fail(node, f"`{name}` is missing", accepted)
        return found

    def text(self, node: Node) -> str:
        if not isinstance(node, Scalar) or not node.text.strip():
            self.fail(node, "here belongs a text", "one line of text")
        return node.text

    def choice[E: StrEnum](self, node: Node, kind: type[E]) -> E:
        text = self.text(node)
        if text not in kind:
            self.fail(node, "this word is not known", ", ".join(member.value for member in kind))
        return kind(text)

    def range(self, node: Node, parse: Callable[[str], int]) -> tuple[int, int, int]:
        found = self.section(node, RANGE)
        values: list[int] = []
        for name in RANGE:
            try:
                values.append(parse(self.text(found[name])))
            except UnitError as error:
                self.fail(found[name], "this is no quantity", error.accepted)
        return values[0], values[1], values[2]

    def findings(self, node: Node) -> tuple[Finding, ...]:
        found = self.section(node, tuple(check.value for check in Check))
        read: list[Finding] = []
        for check in Check:
            entry = self.section(found[check.value], ("proof", "figure"))
            proof = self.choice(entry["proof"], Proof)
            read.append(Finding(check, proof, self.text(entry["figure"])))
        return tuple(read)

    def compare(self, node: Node, unlocked: Unlocked) -> None:
        """What a person reads must be what the program acts on."""
        written: dict[str, Any] = self.section(node, UNLOCKED)
        for key, value in told(unlocked).items():
            if self.text(written[key]) != value:
                self.fail(written[key], f"the findings say `{key}: {value}`", value)
