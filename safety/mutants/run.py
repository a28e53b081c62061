"""Judging mutants: collect once, learn which test runs which line, then fork a child for each mutant.

The clock of a mutant is set by its own tests: three times as long as they took before, and at least LEAST.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import pytest

from safety.mutants.plan import DOMAIN, ROOT, Mutant, compiled, function_code

LEAST: Final = 15.0
"""Seconds that a mutant's tests may take at the least: shared machines are slow now and then."""
WHOLE: Final = 120.0
"""Seconds for a mutant that all tests judge."""
FIRST: Final = "test_constants.py"
"""Tests that look at what exists at import: numbers and tables."""
SECOND: Final = "test_table.py"
"""And where the tables lead."""
HOMES: Final = {"bounds": "envelope", "admission": "envelope"}
"""Whose tests know most about a file that has no tests of its own name."""
UNASKED: Final = ("adversary", "workout", "totality", "units", "energy")
"""Tests of random cases, or of modules that are not mutated: what only they would notice survives here."""
TESTS: Final = "tests/domain"
_TOOL: Final = 3  # sys.monitoring's first free id


@dataclass(frozen=True)
class Verdict:
    """How one mutant ended: `killed`, `timeout`, `survived`, or `uncovered` where no test runs its line."""

    mutant: Mutant
    fate: str
    by: str
    seconds: float


@dataclass
class Knowledge:
    """What the tests do without a defect: the lines that each runs, and how long it takes."""

    lines: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class Judge:
    """A pytest plugin that judges mutants in place of running the tests."""

    def __init__(
        self, work: Sequence[Mutant], say: Callable[[Verdict], None], seconds: float, most: int
    ) -> None:
        self.work = work
        self.say = say
        self.seconds = seconds
        self.most = most
        self.known = Knowledge()
        self.failed: list[str] = []
        self.killers: dict[tuple[str, str | None], str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn, then judge."""
        items = {item.nodeid: item for item in session.items}
        self._learn(session.items)
        if self.failed:
            print(f"these tests fail without any defect: {', '.join(self.failed[:5])}")
            session.testsfailed = len(self.failed)
            return True
        until = time.monotonic() + self.seconds
        for mutant in self.work:
            if time.monotonic() > until:
                break
            if mutant.function is None:
                self.say(self._from_import(mutant, items))
            else:
                verdict = self._in_place(mutant, items)
                if verdict.fate == "killed":
                    self.killers[mutant.module, mutant.function] = verdict.by
                self.say(verdict)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice what fails while nothing is broken."""
        if report.failed:
            self.failed.append(report.nodeid)

    # --- learning ------------------------------------------------------------------------------
    def _learn(self, items: Sequence[pytest.Item]) -> None:
        monitoring = sys.monitoring
        seen: set[tuple[str, int]] = set()
        prefix = str(DOMAIN)

        def line(code: CodeType, number: int) -> object:
            if code.co_filename.startswith(prefix):
                seen.add((code.co_filename.rpartition("/")[2][:-3], number))
            return monitoring.DISABLE

        monitoring.use_tool_id(_TOOL, "mutants")
        monitoring.register_callback(_TOOL, monitoring.events.LINE, line)
        monitoring.set_events(_TOOL, monitoring.events.LINE)
        for item in items:
            seen.clear()
            monitoring.restart_events()
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            self.known.seconds[item.nodeid] = time.monotonic() - began
            for place in seen:
                self.known.lines.setdefault(place, []).append(item.nodeid)
        monitoring.set_events(_TOOL, monitoring.events.NO_EVENTS)
        monitoring.free_tool_id(_TOOL)

    def _covering(self, mutant: Mutant) -> list[str]:
        """The tests that run the statement; a call over many lines is run where it begins."""
        for line in range(mutant.line, mutant.start, -1):
            if nodes := self.known.lines.get((mutant.module, line)):
                return sorted(nodes, key=lambda node: self._order(node, mutant))[: self.most]
        return []

    def _order(self, node: str, mutant: Mutant) -> tuple[bool, bool, float]:
        """The last to kill a mutant of this function, then its own file's tests, then the quickest first."""
        home = f"test_{HOMES.get(mutant.module, mutant.module)}.py" not in node
        last = self.killers.get((mutant.module, mutant.function)) != node
        return (last, home, self.known.seconds[node])

    # --- judging -------------------------------------------------------------------------------
    def _in_place(self, mutant: Mutant, items: dict[str, pytest.Item]) -> Verdict:
        nodes = self._covering(mutant)
        if not nodes:
            # Perhaps it runs while its module is imported, as makers of tables do.
            lived = self._from_import(mutant, items)
            return replace(lived, fate="uncovered") if lived.fate == "survived" else lived

        def child(tell: Callable[[str], None]) -> None:
            exchange(mutant)
            for node in nodes:
                tell(node)
                if _fails(items[node]):
                    os._exit(1)

        return _judge(
            mutant, child, max(LEAST, 3 * sum(self.known.seconds[node] for node in nodes))
        )

    def _from_import(self, mutant: Mutant, items: dict[str, pytest.Item]) -> Verdict:
        """The child forgets the domain and its tests, and collects them anew with the defect in it."""
        files = sorted({node.partition("::")[0] for node in items}, key=self._file_cost)
        first = [file for file in files if FIRST in file]
        near = [file for file in files if SECOND in file or f"_{mutant.module}." in file]
        rest = [file for file in files if file not in {*first, *near}]

        def child(tell: Callable[[str], None]) -> None:
            sys.meta_path.insert(0, Broken(mutant))
            for some in (first, near, rest):
                # Collecting takes longer than most of the tests: what knows most is asked alone first.
                forget()
                if pytest.main([*some, *OPTIONS, "-x"], plugins=[_Watcher(tell)]):
                    os._exit(1)

        return _judge(mutant, child, WHOLE)

    def _file_cost(self, file: str) -> float:
        return sum(t for node, t in self.known.seconds.items() if node.startswith(file))


OPTIONS: Final = (
    *("-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist", "-p", "no:terminal"),
    *("--hypothesis-seed=1", "-o", "timeout=0", "-o", "addopts=--import-mode=importlib"),
)


class _Watcher:
    """Tells which test runs, for the report."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._tell(nodeid)


def _fails(item: pytest.Item) -> bool:
    reports = []
    recorder = _Recorder(reports)
    item.config.pluginmanager.register(recorder)
    try:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    finally:
        item.config.pluginmanager.unregister(recorder)
    return any(report.failed for report in reports)


class _Recorder:
    def __init__(self, reports: list[pytest.TestReport]) -> None:
        self._reports = reports

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports.append(report)


def _judge(mutant: Mutant, child: Callable[[Callable[[str], None]], None], limit: float) -> Verdict:
    """Let a forked child find out, for so many seconds at the most."""
    began = time.monotonic()
    sys.stdout.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        code = 3
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            child(lambda name: _write(writing, name))
            code = 0
        except BaseException:  # noqa: BLE001  a defect that cannot even be loaded is noticed too
            code = 1
        finally:
            os._exit(code)
    os.close(writing)
    last, ended = _listen(reading, began + limit)
    os.close(reading)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - began
    if not ended:
        return Verdict(mutant, "timeout", last, seconds)
    fate = "survived" if status == 0 else "killed"
    return Verdict(mutant, fate, last if fate == "killed" else "", seconds)


def _write(pipe: int, name: str) -> None:
    with suppress(OSError):
        os.write(pipe, name.encode() + b"\n")


def _listen(pipe: int, until: float) -> tuple[str, bool]:
    """The last test that the child named, and whether it came to its end in time."""
    last, rest = "import", b""
    while True:
        ready, _, _ = select.select([pipe], [], [], max(until - time.monotonic(), 0))
        if not ready:
            return last, False
        data = os.read(pipe, 65536)
        if not data:
            return last, True
        *names, rest = (rest + data).split(b"\n")
        if names:
            last = names[-1].decode()


# --- putting a defect in its place ---------------------------------------------------------------


def exchange(mutant: Mutant) -> None:
    """Give the function that holds the defect its other code, wherever the function is known.

    Raises:
        LookupError: there is no such function any more.
    """
    assert mutant.function is not None
    code = function_code(compiled(mutant), mutant.function)
    module = importlib.import_module(f"backstride.domain.{mutant.module}")
    function = _find(module, mutant.function)
    if code is None or function is None:
        raise LookupError(mutant.name)
    function.__code__ = code


def _find(module: ModuleType, qualified: str) -> FunctionType | None:
    found: Any = module
    for name in qualified.split("."):
        found = vars(found).get(name) if isinstance(found, type) else getattr(found, name, None)
    if isinstance(found, property):
        found = found.fget
    return found if isinstance(found, FunctionType) else None


def forget() -> None:
    """Unload the domain and everything that knows it."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        ours = name.partition(".")[0] in {"backstride", "backstride_adversary"}
        if ours or file.startswith(str(ROOT / "tests")):
            del sys.modules[name]


class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module of the domain with its defect."""

    def __init__(self, mutant: Mutant) -> None:
        self._code = compiled(mutant)
        self._name = f"backstride.domain.{mutant.module}"

    def find_spec(
        self, fullname: str, _path: object, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Only the one module."""
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=str(DOMAIN))

    def exec_module(self, module: ModuleType) -> None:
        """Run the broken code."""
        exec(self._code, vars(module))  # noqa: S102  it is the module's own code, with one defect


def judge(work: Iterable[Mutant], say: Callable[[Verdict], None], seconds: float, most: int) -> int:
    """Judge these mutants within so many seconds after learning, each by so many tests at the most.

    Returns pytest's exit code; 0: the tests pass without a defect.
    """
    os.environ.update(BACKSTRIDE_SEED="1", BACKSTRIDE_STORIES="60", PYTHONDONTWRITEBYTECODE="1")
    os.environ.pop("PYTEST_ADDOPTS", None)
    sys.dont_write_bytecode = True
    os.chdir(ROOT)
    # Importing modules anew is what a mutant of a constant does; a warning about it is no failure.
    tests = [f"--ignore={TESTS}/test_{name}.py" for name in UNASKED]
    plugin = Judge(list(work), say, seconds, most)
    code = pytest.main([TESTS, *tests, *OPTIONS], plugins=[plugin])
    return int(code)


__all__ = ["Judge", "Verdict", "exchange", "forget", "judge"]
