"""The table of topics, and what may stand in one."""

import pytest

from backstride.mqtt import topics
from backstride.mqtt.schema import PAYLOADS
from backstride.mqtt.topics import TABLE, Content, Direction, TopicError


def test_every_row_has_a_name_of_its_own():
    assert len({row.name for row in TABLE}) == len(TABLE)


def test_every_json_topic_has_a_schema_and_every_schema_a_topic():
    assert {row.schema for row in TABLE if row.content is Content.JSON} == set(PAYLOADS)


@pytest.mark.hazard("H02")
def test_nothing_that_acts_or_passes_is_retained():
    retained = {row.name for row in TABLE if row.retain}
    assert retained == {
        "availability", "connection", "info", "programs", "state", "session",
        "health", "history", "walkers", "plan",
    }  # fmt: skip


def test_everything_is_said_with_qos_1():
    assert {row.qos for row in TABLE} == {1}


def test_only_commands_come_in():
    assert [row.name for row in TABLE if row.direction is Direction.IN] == ["command", "command/+"]


@pytest.mark.parametrize("text", ["gym", "a", "living-room", "t1", "a" * 64])
def test_an_id_of_small_letters_digits_and_hyphens_is_taken(text):
    assert topics.check_id(text) == text
    assert topics.default_prefix(text) == f"backstride/{text}"


@pytest.mark.parametrize(
    "text", ["", "Gym", "a b", "a/b", "+", "#", "ä", "-a", "a-", "a" * 65, "a\n", "$SYS"]
)
def test_any_other_id_is_refused(text):
    with pytest.raises(TopicError, match="small letters, digits and hyphens"):
        topics.check_id(text)


@pytest.mark.parametrize("text", ["backstride/gym", "home/cellar/treadmill", "x"])
def test_a_prefix_of_ordinary_levels_is_taken(text):
    assert topics.check_prefix(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "/a", "a/", "a//b", "a/+", "#", "$SYS/a", "a b", "a/command/b", "a\x00b", "x" * 300],
)
def test_any_other_prefix_is_refused(text):
    with pytest.raises(TopicError, match="backstride/living-room"):
        topics.check_prefix(text)


@pytest.mark.hazard("H27")
@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("reply/7", True),
        ("backstride/gym/response", True),
        ("backstride/gym/response/7", True),
        ("backstride/other/response/7", True),
        ("backstride/gym/state", False),
        ("backstride/gym/command", False),
        ("backstride/gym/command/start", False),
        ("backstride/other/state", False),
        ("backstride/gym", False),
        ("elsewhere/command/start", False),
        ("homeassistant/device/a/config", False),
        ("reply/+", False),
        ("#", False),
        ("$SYS/broker", False),
        ("", False),
        ("a\x00b", False),
        ("a\nb", False),
        ("x" * 257, False),
    ],
)
def test_a_response_topic_cannot_do_anything(topic, expected):
    assert topics.may_respond_to(topic, "backstride/gym") is expected
