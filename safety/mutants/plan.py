"""Every mutant of a file: where it is, what it is, and the code that it makes."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Final

from safety.mutants.operators import changes

ROOT: Final = Path(__file__).resolve().parents[2]
DOMAIN: Final = ROOT / "src" / "backstride" / "domain"
FILES: Final = (
    *("envelope", "bounds", "limits", "admission", "failsafe", "evidence", "stopping"),
    *("supervision", "plausibility", "session", "step", "outcomes", "recovery", "console"),
    *("starting", "arming", "following", "operator", "intake", "pilot", "cues", "state"),
    *("heart", "ceiling", "guidance"),
    *("readiness", "walker", "ladder", "progression", "lesson"),
)
"""What is mutated, the most dangerous first. The rest of the domain is data and text."""

_SENTENCES: Final = ("sentence", "parts", "words", "text")


@dataclass(frozen=True)
class Mutant:
    """One defect. `function` is the qualified name of the function that holds it; None at module level."""

    module: str
    line: int
    function: str | None
    change: str
    place: int
    """Its number among the mutants of its file, in the order of the tree."""
    source: str
    """The line of the source, as a person finds it."""
    start: int = 0
    """The line where its function begins."""

    @property
    def name(self) -> str:
        """What a person calls it; stable as long as its line and its neighbours in it stay."""
        return f"{self.module}:{self.line} {self.change}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What `accepted.toml` knows it by: no line numbers, which move."""
        return (self.module, self.function or "", self.source, self.change)


def _skip(node: ast.AST) -> bool:
    """Text for people, and what the interpreter or the type checker reads alone."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return True
        case ast.Raise() | ast.Assert() | ast.TypeAlias():
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) if name == "__all__" or name in _SENTENCES:
            return True
        case ast.FunctionDef(name="__repr__"):
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case _:
            return False


_ANNOTATIONS: Final = frozenset({"annotation", "returns", "decorator_list", "type_params", "bases"})


class _Walker:
    """Visits what can be mutated in a fixed order; makes the tree of one mutant, or lists them all."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted = wanted
        self.count = 0
        self.found: list[tuple[int, str | None, str, int]] = []
        self._starts: list[int] = []
        self._functions: list[str] = []
        self._names: list[str] = []

    def visit(self, node: ast.AST, line: int = 0) -> ast.AST:
        """The node, or what takes its place."""
        line = getattr(node, "lineno", line)
        if _skip(node):
            return node
        made: ast.AST | None = None
        if not isinstance(node, ast.pattern):
            for change, other in changes(node):
                if self.count == self.wanted:
                    made = other
                start = self._starts[0] if self._starts else 0
                self.found.append((line, self._function(), change, start))
                self.count += 1
        named = isinstance(node, ast.FunctionDef | ast.ClassDef)
        if named:
            self._names.append(node.name)
        if isinstance(node, ast.FunctionDef):
            self._functions.append("" if _makes_functions(node) else ".".join(self._names))
            self._starts.append(line)
        self._descend(node, line)
        if isinstance(node, ast.FunctionDef):
            self._functions.pop()
            self._starts.pop()
        if named:
            self._names.pop()
        if made is None:
            return node
        return ast.copy_location(made, node)

    def _descend(self, node: ast.AST, line: int) -> None:
        for name, value in ast.iter_fields(node):
            if name in _ANNOTATIONS or (name == "keywords" and isinstance(node, ast.ClassDef)):
                continue
            if isinstance(value, list):
                setattr(node, name, [self._child(item, line) for item in value])
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value, line))

    def _child(self, item: object, line: int) -> object:
        return self.visit(item, line) if isinstance(item, ast.AST) else item

    def _function(self) -> str | None:
        # A function inside another is made anew by it, and was while its module was imported: neither of
        # them can be exchanged in place.
        return self._functions[0] or None if len(self._functions) == 1 else None


def _makes_functions(node: ast.FunctionDef) -> bool:
    return any(isinstance(inner, ast.FunctionDef) for inner in ast.walk(node) if inner is not node)


@cache
def source(module: str) -> str:
    """The text of a file of the domain, as it was when it was first asked for: others may be editing it."""
    return (DOMAIN / f"{module}.py").read_text()


def mutants(module: str) -> list[Mutant]:
    """Every mutant of a file of the domain, without sentences for people."""
    text = source(module)
    lines = text.splitlines()
    walker = _Walker()
    walker.visit(ast.parse(text))
    return [
        Mutant(module, line, function, change, place, lines[line - 1].strip(), start)
        for place, (line, function, change, start) in enumerate(walker.found)
    ]


def tree(mutant: Mutant) -> ast.Module:
    """The syntax tree of its file with this one defect."""
    made = ast.parse(source(mutant.module))
    changed = _Walker(mutant.place).visit(made)
    assert isinstance(changed, ast.Module)
    return ast.fix_missing_locations(changed)


def compiled(mutant: Mutant) -> CodeType:
    """The code of its module with this one defect."""
    return compile(tree(mutant), str(DOMAIN / f"{mutant.module}.py"), "exec", dont_inherit=True)


def function_code(module: CodeType, qualified: str) -> CodeType | None:
    """The code of one function in a module's code."""
    for code in _codes(module):
        if code.co_qualname == qualified:
            return code
    return None


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def diff(mutant: Mutant) -> str:
    """The defect as a person reads it; without comments and layout, which the tree does not keep."""
    text = source(mutant.module)
    before = ast.unparse(ast.parse(text)).splitlines()
    after = ast.unparse(tree(mutant)).splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=0))[3:]
    return "\n".join(f"    {line.strip()[:1]} {line[1:].strip()}" for line in lines)
