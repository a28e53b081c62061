"""One key of a configuration is changed, and nothing else in it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstride.resources import systemd_dir
from backstride.service.config import SECTIONS
from backstride.service.installation.editing import EditError, add_table, drop_key, set_key

EXAMPLE = (systemd_dir() / "backstride.toml").read_text()
GYM = """\
# The gym.
[broker]
host = "old" # in the cellar
port = 1883

[[treadmill]]
id = "one"   # left

[[treadmill]]
id = "two"
# under the roof
[site]
"""


def changes(old, new):
    """The lines that went and those that came."""
    before, after = old.splitlines(), new.splitlines()
    return [one for one in before if one not in after], [one for one in after if one not in before]


@pytest.mark.parametrize(
    ("table", "key", "value", "number", "expected"),
    [
        ("broker", "host", "new", 0, (['host = "old" # in the cellar'], ['host = "new" # in the cellar'])),
        ("broker", "user", "me", 0, ([], ['user = "me"'])),
        ("treadmill", "id", "three", 1, (['id = "two"'], ['id = "three"'])),
        ("treadmill", "id", "three", 2, ([], ['id = "three"'])),
        ("site", "jog", True, 0, ([], ["jog = true"])),
        ("service", "log_level", "debug", 0, ([], ["[service]", 'log_level = "debug"'])),
        ("broker.tls", "ca", "/ca.pem", 0, ([], ["[broker.tls]", 'ca = "/ca.pem"'])),
    ],
)  # fmt: skip
def test_a_key_is_set_and_comments_stay(table, key, value, number, expected):
    assert expected == changes(GYM, set_key(GYM, table, key, value, number))


def test_an_example_of_a_key_becomes_the_key():
    new = set_key(EXAMPLE, "treadmill", "address", "11:22:33:44:55:66")
    went, came = changes(EXAMPLE, new)
    assert (['#address = "AA:BB:CC:DD:EE:FF"'], ['address = "11:22:33:44:55:66"']) == (went, came)


def test_a_table_is_added_once():
    new = add_table(GYM, "broker.tls")
    assert ([], ["[broker.tls]"]) == changes(GYM, new)
    assert new == add_table(new, "broker.tls")
    with pytest.raises(EditError, match=r"by hand"):
        add_table("broker.tls = {}\n[broker]\n", "broker.tls.more")


def test_what_is_set_already_changes_nothing():
    assert GYM == set_key(GYM, "broker", "host", "old")


def test_a_key_is_dropped_into_a_comment_and_one_that_is_not_there_is_none():
    assert (['host = "old" # in the cellar'], ['#host = "old" # in the cellar']) == changes(
        GYM, drop_key(GYM, "broker", "host")
    )
    assert GYM == drop_key(GYM, "broker", "user")


@pytest.mark.parametrize(
    "text", ['broker = { host = "old" }\n', 'broker.host = "old"\n', '[broker]\nhost = """\nold"""\n']
)  # fmt: skip
def test_what_is_not_understood_is_left_alone(text):
    with pytest.raises(EditError):
        set_key(text, "broker", "host", "new")


@given(
    st.sampled_from([GYM, EXAMPLE]),
    st.sampled_from([(table, key) for table in SECTIONS for key in SECTIONS[table]]),
    st.text(st.characters(exclude_categories=("Cs", "Cc")))
    | st.booleans()
    | st.integers(0, 65_535),
)
def test_whatever_is_set_nothing_else_changes(text, place, value):
    table, key = place
    if key in {"tls", "walker"} or table == "treadmill.walker":
        return
    before, after = tomllib.loads(text), tomllib.loads(set_key(text, table, key, value))
    for values in (before, after):
        inner = values
        for name in table.split("."):
            inner = inner.setdefault(name, {})
        (inner[0] if isinstance(inner, list) else inner)[key] = None
    assert before == after
