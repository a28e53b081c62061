"""A YAML 1.2 file as a tree of texts with their places.

Theory of operation: only the parser's events are used, never its constructors, so nothing in a file
becomes a number, a date or an object before our own reader says what it is. Aliases, anchors, tags,
directives and second documents are refused where they stand: a program needs none of them, and
they are how small files grow into large ones. The tree is built with an explicit stack and the events are
drawn one at a time, so that a file that nests too deeply is left before it costs anything.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from backstride.scripts.problems import START, Findings, Mark

SIZE: Final = 64 * 1024
"""Bytes: ten times the longest program anybody would write by hand."""
LINE: Final = 1_000
"""Characters: the YAML scanner's time grows with the square of a line's brackets."""
DEPTH: Final = 12
"""Nested lists and mappings; the deepest program that is accepted needs 9."""
NODES: Final = 10_000
"""Values in a file; a program of the longest accepted kind has a tenth of them."""


class Scalar(Struct, frozen=True):
    """A single text. `plain` says that it was written without quotes."""

    text: str
    plain: bool
    at: Mark

    def within(self, offset: int) -> Mark:
        """The place of a character of the text, where it is written on one line."""
        return Mark(self.at.line, self.at.column + offset + (0 if self.plain else 1))


class Sequence(Struct, frozen=True):
    """A list of values."""

    items: list[Node]
    at: Mark


class Mapping(Struct, frozen=True):
    """Keys with their values, in the order of the file; no key comes twice."""

    entries: list[tuple[Scalar, Node]]
    at: Mark


type Node = Scalar | Sequence | Mapping


def describe(node: Node) -> str:
    """What a value is, in an author's words."""
    match node:
        case Scalar():
            return "a text"
        case Sequence():
            return "a list"
        case Mapping():
            return "a group of keys"


def load_text(path: Path, findings: Findings) -> str:
    """The text of a file.

    Raises:
        ScriptError: not an ordinary readable file, too large, or not UTF-8.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise findings.fail(START, "this is not an ordinary file", "", "name a YAML file")
        with path.open("rb") as file:
            data = file.read(SIZE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        accepted = "name a YAML file that can be read"
        raise findings.fail(START, f"cannot be opened ({reason})", "", accepted) from error
    return decode(data, findings)


def decode(data: bytes, findings: Findings) -> str:
    """Bytes as text, UTF-8 only.

    Raises:
        ScriptError: too large, or not UTF-8.
    """
    if len(data) > SIZE:
        accepted = f"at most {SIZE // 1024} KiB are accepted"
        raise findings.fail(START, "the file is too large for a program", "", accepted)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        raise findings.fail(
            _mark_after(before),
            "this is not UTF-8 text",
            error.object[error.start : error.start + 1].hex(),
            "save the file with the encoding UTF-8",
        ) from error
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE:
            accepted = f"at most {LINE} characters are accepted"
            raise findings.fail(Mark(number, LINE + 1), "the line is too long", line, accepted)
    return text


def compose(text: str, findings: Findings) -> Node:
    """Build the tree of a file.

    Raises:
        ScriptError: not YAML, empty, or with something that programs do not use.
    """
    try:
        root = _build(YAML(typ="safe", pure=True).parse(text), findings)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is not None and error.context_mark is not None and mark.index >= len(text.rstrip()):
            mark = error.context_mark  # a quote that is never closed: where it was opened
        at = START if mark is None else Mark(mark.line + 1, mark.column + 1)
        what = f"this is not YAML ({error.problem or error.context or 'not understood'})"
        raise findings.fail(at, what, _line(text, at), _YAML_ADVICE) from error
    except ReaderError as error:
        at = _mark_after(text[: error.position])
        what = "a control character does not belong into a text file"
        raise findings.fail(at, what, text[error.position], "delete it") from error
    except (YAMLError, YAMLStreamError, ValueError, LookupError, ArithmeticError) as error:
        # The parser lets a few of Python's own errors out, chr() of an impossible escape for one.
        what = f"this is not YAML ({error})"
        raise findings.fail(START, what, "", _YAML_ADVICE) from error
    if root is None or (isinstance(root, Scalar) and root.plain and not root.text):
        accepted = "start with `name: ...`; profiles/sessions has examples"
        raise findings.fail(START, "the file is empty", "", accepted)
    return root


_YAML_ADVICE: Final = "check indentation, colons and quotes here and on the line before"


class _Open(Struct):
    """A list or mapping that is not finished; `key` waits for its value."""

    node: Sequence | Mapping
    seen: dict[str, Mark]
    key: Scalar | None = None


def _build(events: Iterator[Event], findings: Findings) -> Node | None:
    root: Node | None = None
    stack: list[_Open] = []
    for count, event in enumerate(events):
        at = _mark(event)
        if count > NODES:
            accepted = f"at most {NODES} values are accepted"
            raise findings.fail(at, "there is too much in this file", "", accepted)
        _refuse_extras(event, at, findings)
        match event:
            case DocumentStartEvent() if root is not None:
                accepted = "write one file for each program"
                raise findings.fail(at, "a second document begins", "---", accepted)
            case ScalarEvent():
                plain = event.style is None or event.style == ""
                root = _attach(stack, Scalar(event.value, plain, at), findings) or root
            case SequenceStartEvent() | MappingStartEvent():
                sequence = isinstance(event, SequenceStartEvent)
                node = Sequence([], at) if sequence else Mapping([], at)
                root = _attach(stack, node, findings) or root
                stack.append(_Open(node, {}))
                if len(stack) > DEPTH:
                    accepted = f"at most {DEPTH} levels are accepted"
                    raise findings.fail(at, "this is nested too deeply", "", accepted)
            case SequenceEndEvent() | MappingEndEvent():
                stack.pop()
            case _:
                pass  # the ends of stream and document say nothing
    return root


def _refuse_extras(event: Event, at: Mark, findings: Findings) -> None:
    if isinstance(event, AliasEvent):
        accepted = "write the steps out, or use `repeat`"
        raise findings.fail(at, "aliases are not used in programs", f"*{event.anchor}", accepted)
    if isinstance(event, NodeEvent) and event.anchor is not None:
        accepted = "write the steps out, or use `repeat`"
        raise findings.fail(at, "anchors are not used in programs", f"&{event.anchor}", accepted)
    if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
        accepted = "delete the line that begins with %"
        raise findings.fail(at, "directives are not used in programs", "%", accepted)
    if isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent) and event.tag:
        raise findings.fail(at, "tags are not used in programs", str(event.tag), "delete it")


def _attach(stack: list[_Open], node: Node, findings: Findings) -> Node | None:
    """Put a value where it belongs; the root itself is returned."""
    if not stack:
        return node
    top = stack[-1]
    match top.node:
        case Sequence(items=items):
            items.append(node)
        case Mapping(entries=entries):
            if top.key is not None:
                entries.append((top.key, _placed(top.key, node)))
                top.key = None
            elif not isinstance(node, Scalar):
                accepted = "write a word such as `speed`"
                raise findings.fail(node.at, f"{describe(node)} cannot be a key", "", accepted)
            else:
                if (first := top.seen.get(node.text)) is not None:
                    what = f"the key comes a second time (first on line {first.line})"
                    findings.add(node.at, what, node.text, "keep one of them")
                top.seen[node.text] = node.at
                top.key = node
    return None


def _placed(key: Scalar, node: Node) -> Node:
    """A value that is missing stands behind its key, not where the next one begins."""
    if isinstance(node, Scalar) and node.plain and not node.text:
        return Scalar("", True, Mark(key.at.line, key.at.column + len(key.text) + 1))
    return node


def _mark(event: Event) -> Mark:
    mark = event.start_mark
    return START if mark is None else Mark(mark.line + 1, mark.column + 1)


def _mark_after(before: str) -> Mark:
    lines = before.split("\n")
    return Mark(len(lines), len(lines[-1]) + 1)


def _line(text: str, at: Mark) -> str:
    lines = text.splitlines()
    return lines[at.line - 1].strip() if at.line <= len(lines) else ""
