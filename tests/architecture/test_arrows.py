"""The layout is a promise: which layer may know which, and what the core may not know at all."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import backstride

ROOT = Path(backstride.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")

LAYERS = {
    "domain": set(),
    "ports": {"domain"},
    "resources": set(),
    "ftms": {"ports", "domain", "resources"},
    "virtual": {"ports", "domain", "resources"},
    "mqtt": {"ports", "domain", "resources"},
    "scripts": {"ports", "domain", "resources"},
    "history": {"ports", "domain", "resources"},
    "provisioning": {"domain", "resources"},
    "service": {"ftms", "virtual", "mqtt", "history", "scripts", "ports", "domain", "resources"},
    "cli": {
        *{"service", "ftms", "virtual", "mqtt", "history", "scripts", "ports", "domain"},
        *{"provisioning", "resources"},
    },
}
"""`cli -> service -> {ftms, virtual, mqtt, history, scripts} -> ports -> domain`, resources beside ports.

A site's broker is provisioned by the command line alone.
"""

UNKNOWN_TO_THE_CORE = {
    *{"asyncio", "time", "datetime", "random", "os", "sys", "socket", "threading", "logging"},
    *{"pathlib", "subprocess", "multiprocessing", "concurrent", "signal", "io", "secrets", "uuid"},
}
KEEPERS = {
    "bleak": {"ftms", "virtual"},
    "bleak_retry_connector": set(),
    "pyftms": {"ftms"},
    "bumble": {"virtual"},
    "aiomqtt": {"mqtt"},
    "paho": {"mqtt"},
    "ruamel": {"scripts", "virtual"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "matplotlib": {"cli"},
    "cryptography": {"provisioning"},
    "dbus_fast": {"ftms"},
    "sqlite3": {"history"},
    "fit_tool": {"history", "scripts"},
    "defusedxml": {"scripts"},
    "httpx": {"history"},
    "babel": set(),
}
"""Who may know a library: it is understood, guarded and replaced in one place."""

PASSING_THROUGH: set[tuple[str, str]] = set()
"""Files that may name a library that is not theirs, each with its reason."""

LONGEST_FILE = 320
"""About 300 lines below the module's docstring: theory is no second idea."""
LONGEST_FUNCTION = 48
"""About 40 lines; what is longer holds two jobs."""

LONGER_FILES = {
    "service/controller.py": 500,  # the only loop, with everything that must happen inside it
    "service/simulation.py": 350,  # one world
    "mqtt/schema.py": 330,  # the contract in one place
    "mqtt/client.py": 340,  # one connection attempt
}
"""Files that may be longer, and how long at most. A ratchet: numbers here only go down."""
LONGER_FUNCTIONS: dict[tuple[str, str], int] = {}


def name(path):
    return str(path.relative_to(ROOT))


def layer(path):
    part = path.relative_to(ROOT).parts[0]
    return part.removesuffix(".py")


@cache
def tree(path):
    return ast.parse(path.read_text(), filename=str(path))


def imports(path, *, top_only=False):
    """Every module that a file imports, absolute."""
    found = set()
    nodes = tree(path).body if top_only else ast.walk(tree(path))
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def own_layers(path):
    parts = (module.split(".") for module in imports(path))
    return {part[1] for part in parts if part[0] == "backstride" and len(part) > 1} & LAYERS.keys()


def of(*layers):
    return [path for path in FILES if layer(path) in layers]


def cases(*layers):
    chosen = of(*layers) if layers else FILES
    return pytest.mark.parametrize("path", chosen, ids=name)


@cases()
def test_an_arrow_points_right_and_never_to_a_sibling(path):
    assert layer(path) in LAYERS, "a new layer: say what it may know"
    assert own_layers(path) - {layer(path)} <= LAYERS[layer(path)]


@cases()
def test_a_library_is_known_to_its_keepers_only(path):
    known = {module.split(".")[0] for module in imports(path)}
    strange = [lib for lib in known if lib in KEEPERS and layer(path) not in KEEPERS[lib]]
    assert [] == [lib for lib in strange if (name(path), lib) not in PASSING_THROUGH]


@cases("domain")
def test_the_core_knows_no_clock_no_chance_and_no_outside(path):
    roots = {module.split(".")[0] for module in imports(path)}
    allowed = set(__import__("sys").stdlib_module_names) | {"msgspec", "backstride"}
    assert roots - allowed == set()
    assert roots & UNKNOWN_TO_THE_CORE == set()


@cases("domain")
def test_the_core_counts_in_integers_and_is_typed_throughout(path):
    for node in ast.walk(tree(path)):
        at = f"{name(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float | complex), f"{at} holds a float"
        if isinstance(node, ast.Name):
            assert node.id not in {"float", "Any", "print", "open", "eval", "exec"}, at
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.Div), f"{at} divides into a float"


@cases("domain")
def test_the_core_keeps_no_state(path):
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Global), f"{name(path)}:{node.lineno}"


def calls(path, what):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = (
                node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            )
            if called == what:
                yield node.lineno


@cases()
def test_a_permit_is_made_by_the_gate_only(path):
    made = list(calls(path, "Permit"))
    assert bool(made) is (name(path) == "domain/envelope.py")
    words = {n.id for n in ast.walk(tree(path)) if isinstance(n, ast.Name)}
    assert ("_SEAL" in words) is (name(path) == "domain/envelope.py")


@cases("domain")
def test_a_phase_is_changed_in_one_place_only(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.keyword) and node.arg == "phase":
            allowed = {"domain/session.py"}
            assert name(path) in allowed, f"{name(path)}:{node.value.lineno}"


@cases("service", "mqtt", "ftms", "history", "scripts", "domain")
def test_nothing_in_the_daemon_prints(path):
    assert list(calls(path, "print")) == []


def test_the_daemon_does_not_load_the_command_line():
    for path in FILES:
        if layer(path) != "cli":
            assert "cli" not in own_layers(path), name(path)


@cases()
def test_a_file_holds_one_idea(path):
    first = tree(path).body[0]
    length = len(path.read_text().splitlines()) - first.end_lineno
    assert length <= LONGER_FILES.get(name(path), LONGEST_FILE)


@cases()
def test_a_function_does_one_job(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            longest = LONGER_FUNCTIONS.get((name(path), node.name), LONGEST_FUNCTION)
            assert length <= longest, f"{name(path)}:{node.lineno} {node.name}"


def test_what_is_excused_is_still_there():
    for file in (*LONGER_FILES, *(file for file, _ in {*LONGER_FUNCTIONS, *PASSING_THROUGH})):
        assert (ROOT / file).is_file(), f"{file} is gone: take its excuse away"


@cases()
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(tree(path))
