"""Which tests name which hazards, read from their source: nothing is run, nothing is imported."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from safety.hazards.catalogue import ROOT, Catalogue, find


class Proof(Struct, frozen=True):
    """A test, and the hazards that it names; `test` is `path::Class::name`, as pytest says it."""

    test: str
    hazards: tuple[str, ...]


def collect(root: Path = ROOT) -> tuple[Proof, ...]:
    """Every test that names a hazard, in the order of the files."""
    found: list[Proof] = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        name = path.relative_to(root).as_posix()
        found.extend(read(name, path.read_text("utf-8")))
    return tuple(found)


def read(name: str, source: str) -> Iterator[Proof]:
    """The tests of one file that name a hazard; what a module or a class names goes for all in it."""
    module = ast.parse(source, name)
    yield from _walk(name, module.body, _module_marks(module))


def _walk(where: str, body: Iterable[ast.stmt], above: tuple[str, ...]) -> Iterator[Proof]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _walk(
                f"{where}::{node.name}", node.body, (*above, *_marks(node.decorator_list))
            )
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = (*above, *_marks(node.decorator_list))
            if named and node.name.startswith("test_"):
                yield Proof(f"{where}::{node.name}", tuple(sorted(set(named))))


def _module_marks(module: ast.Module) -> tuple[str, ...]:
    for node in module.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
        ):
            value = node.value
            return _marks(value.elts if isinstance(value, ast.List | ast.Tuple) else [value])
    return ()


def _marks(marks: Iterable[ast.expr]) -> tuple[str, ...]:
    found: list[str] = []
    for mark in marks:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.hazard":
            found.extend(str(ast.literal_eval(argument)) for argument in mark.args)
    return tuple(found)


def count(catalogue: Catalogue, proofs: Iterable[Proof]) -> dict[str, Counter[str]]:
    """For each hazard how many tests of each kind name it."""
    counts: dict[str, Counter[str]] = {hazard.id: Counter() for hazard in catalogue.hazard}
    for proof in proofs:
        for hazard in proof.hazards:
            if hazard in counts:
                counts[hazard][catalogue.kind_of(proof.test)] += 1
    return counts


def complaints(catalogue: Catalogue, proofs: tuple[Proof, ...]) -> list[str]:
    """What does not agree between hazards, code and tests, as sentences; none when all is well."""
    known = [hazard.id for hazard in catalogue.hazard]
    found = [f"{each} is there twice" for each, times in Counter(known).items() if times > 1]
    for proof in proofs:
        found += [
            f"{proof.test} names {each}, which is no hazard"
            for each in proof.hazards
            if each not in known
        ]
        if not catalogue.kind_of(proof.test):
            found.append(f"{proof.test} is of no kind: say in [kinds] what its place means")
    counts = count(catalogue, proofs)
    for hazard in catalogue.hazard:
        kinds = counts[hazard.id]
        if not kinds and not hazard.open:
            found.append(f"{hazard.id} has no test, and does not say why")
        if kinds and hazard.open:
            found.append(f"{hazard.id} is called open, and has tests")
        found += [
            f"{hazard.id} has no test of the kind {kind!r}"
            for kind in hazard.proof
            if not kinds[kind]
        ]
        if not hazard.rules and not hazard.open:
            found.append(f"{hazard.id} names no code that answers it")
        if not hazard.residual:
            found.append(f"{hazard.id} does not say what remains")
        found += [str(error) for error in map(_missing, hazard.rules) if error]
    return found


def _missing(rule: str) -> str:
    try:
        find(rule)
    except LookupError as error:
        return str(error)
    return ""
