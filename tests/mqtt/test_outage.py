"""A broker that is away for a week does not fill the log, and is not forgotten either."""

from structlog.testing import capture_logs

from backstride.mqtt.outage import REMINDED, Outage


def told(*steps):
    outage = Outage()
    with capture_logs() as lines:
        for step in steps:
            if step is None:
                outage.end()
            else:
                outage.tell(step, protocol="5")
    return [(line["reason"], line["attempts"]) for line in lines]


def test_the_same_trouble_is_told_once_and_then_now_and_then():
    assert [("refused", 1), ("refused", REMINDED + 1)] == told(*["refused"] * (2 * REMINDED))


def test_another_trouble_is_told_at_once():
    assert [("refused", 1), ("timeout", 1), ("refused", 1)] == told("refused", "timeout", "refused")


def test_after_a_broker_was_there_the_same_trouble_is_news():
    assert [("refused", 1), ("refused", 1)] == told("refused", None, "refused")
