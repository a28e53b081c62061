"""The page is made of its own files only: vendored by hash, and no word of anybody else's host."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from backstride.cli.page_site import web_dir

WEB = web_dir()
VENDOR = WEB / "vendor"
LISTED = {
    path: digest
    for package in json.loads((VENDOR / "vendor.json").read_text())["packages"]
    for path, digest in package["files"].items()
}
OURS = sorted(
    file
    for file in WEB.rglob("*")
    if file.suffix in {".js", ".css", ".html", ".svg", ".webmanifest", ".json"}
    and VENDOR not in file.parents
)
# A namespace is a name and not an address: nobody fetches it.
NAMES = ("http://www.w3.org/2000/svg",)


@pytest.mark.parametrize("path", sorted(LISTED))
def test_a_vendored_file_is_the_one_that_was_fetched(path):
    assert LISTED[path] == hashlib.sha256((VENDOR / path).read_bytes()).hexdigest()


def test_nothing_is_vendored_that_is_not_listed():
    found = {str(file.relative_to(VENDOR)) for file in VENDOR.rglob("*") if file.is_file()}
    assert {*LISTED, "vendor.json"} == found


def test_each_library_comes_with_its_licence():
    folders = {Path(path).parts[0] for path in LISTED}
    assert folders == {Path(path).parts[0] for path in LISTED if Path(path).name == "LICENSE"}


@pytest.mark.parametrize("file", OURS, ids=lambda file: str(file.relative_to(WEB)))
def test_a_file_of_the_page_names_no_other_host(file):
    text = file.read_text()
    for name in NAMES:
        text = text.replace(name, "")
    assert [] == re.findall(r"(?:https?|wss?):?//[\w.-]+", text)


@pytest.mark.parametrize("path", sorted(path for path in LISTED if path.endswith(".js")))
def test_a_vendored_module_loads_nothing_but_its_neighbours(path):
    text = (VENDOR / path).read_text()
    loaded = re.findall(
        r"(?:\bfrom|^import|[;}]import)\s*[\"']([\w@./-]+)[\"']", text, re.MULTILINE
    )
    assert [] == [name for name in loaded if not name.startswith(".")]


def test_markup_carries_no_script_and_no_style_that_the_policy_would_refuse():
    page = (WEB / "index.html").read_text()
    assert [] == re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    inline = [f for f in OURS if f.suffix == ".js" and re.search(r"\sstyle=[\"$]", f.read_text())]
    assert [] == inline


def test_the_policy_of_the_page_lets_it_load_only_its_own_files():
    page = (WEB / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert "'self' ws: wss:" == rules.pop("connect-src")
    assert {"'none'", "'self'"} == set(rules.values())


def test_the_service_worker_keeps_every_file_of_the_page_and_no_other():
    worker = (WEB / "sw.js").read_text()
    kept = set(re.findall(r'"\./([^"]*)"', worker[: worker.index("];")])) - {""}
    shell = {
        str(file.relative_to(WEB))
        for file in WEB.rglob("*")
        if file.suffix in {".js", ".css", ".svg", ".html", ".webmanifest"} and file.name != "sw.js"
    }
    assert shell == kept
