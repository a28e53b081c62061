from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.events import Status
from backstride.ftms.codec import (
    Answer,
    StatusReport,
    decode_answer,
    decode_status,
    decode_training,
    encode,
)
from backstride.ftms.errors import EncodingError
from backstride.ftms.rejections import Flaw, Rejected

FLAWS = {Flaw.SHORT, Flaw.UNKNOWN}


class TestCommands:
    @pytest.mark.parametrize(
        ("command", "expected"),
        [
            (RequestControl(), "00"),
            (SetSpeed(80), "02 50 00"),
            (SetSpeed(100), "02 64 00"),
            (SetSpeed(250), "02 fa 00"),
            (SetIncline(0), "03 00 00"),
            (SetIncline(25), "03 19 00"),
            (Start(), "07"),
            (Stop(), "08 01"),
        ],
    )
    def test_are_encoded_as_the_facts_say(self, command, expected):
        assert expected == encode(command).hex(" ")

    def test_every_speed_from_0_to_25_kmh_arrives_exactly(self):
        arrived = [int.from_bytes(encode(SetSpeed(speed))[1:], "little") for speed in range(2_501)]
        assert list(range(2_501)) == arrived

    def test_every_incline_from_0_to_15_percent_arrives_exactly(self):
        arrived = [
            int.from_bytes(encode(SetIncline(incline))[1:], "little", signed=True)
            for incline in range(151)
        ]
        assert list(range(151)) == arrived

    @pytest.mark.hazard("H04")
    @given(st.integers().filter(lambda n: not 0 <= n <= 2_500))
    def test_a_speed_outside_the_range_never_becomes_bytes(self, speed):
        with pytest.raises(EncodingError, match="target speed"):
            encode(SetSpeed(speed))

    @pytest.mark.hazard("H04", "H08")
    @given(st.integers().filter(lambda n: not 0 <= n <= 150))
    def test_an_incline_outside_the_range_never_becomes_bytes(self, incline):
        with pytest.raises(EncodingError, match="target incline"):
            encode(SetIncline(incline))

    @pytest.mark.parametrize("smuggled", [1.5, True, "100", None, float("nan")])
    def test_what_is_not_an_integer_never_becomes_bytes(self, smuggled):
        with pytest.raises(EncodingError):
            encode(SetSpeed(smuggled))
        with pytest.raises(EncodingError):
            encode(SetIncline(smuggled))

    @pytest.mark.hazard("H01")
    def test_only_five_op_codes_can_be_written(self, any_command):
        assert encode(any_command)[0] in {0x00, 0x02, 0x03, 0x07, 0x08}


class TestAnswers:
    @pytest.mark.parametrize(
        ("frame", "op", "result", "meaning"),
        [
            ("80 00 01", 0x00, 1, "success"),
            ("80 07 04", 0x07, 4, "failed"),
            ("80 08 05", 0x08, 5, "control not permitted"),
            ("80 02 03", 0x02, 3, "invalid parameter"),
            ("80 03 02", 0x03, 2, "not supported"),
            ("80 02 2a", 0x02, 42, "result 0x2a"),
        ],
    )
    def test_name_the_op_code_and_the_result(self, frame, op, result, meaning):
        answer = decode_answer(bytes.fromhex(frame))
        assert Answer(op, result) == answer
        assert meaning == answer.meaning

    def test_parameters_and_padding_are_ignored(self):
        assert Answer(0x08, 1) == decode_answer(bytes.fromhex("80 08 01 64 00 00"))

    @pytest.mark.parametrize("result", [0x00, 0x06, 0xFF])
    def test_a_reserved_result_is_neither_success_nor_known(self, result):
        answer = decode_answer(bytes([0x80, 0x02, result]))
        assert not answer.succeeded
        assert not answer.known

    @pytest.mark.parametrize("frame", [b"", b"\x80", b"\x80\x00"])
    def test_that_are_too_short_are_rejected(self, frame):
        assert Rejected(Flaw.SHORT, frame) == decode_answer(frame)

    def test_that_begin_otherwise_are_rejected(self):
        assert Rejected(Flaw.UNKNOWN, b"\x81\x00\x01") == decode_answer(b"\x81\x00\x01")

    @given(st.binary(max_size=30))
    def test_of_any_bytes_never_raise(self, frame):
        assert isinstance(decode_answer(frame), Answer | Rejected)


class TestStatus:
    @pytest.mark.parametrize(
        ("frame", "status", "value"),
        [
            ("01", Status.RESET, None),
            ("02 01", Status.STOPPED_BY_USER, None),
            ("02 02", Status.PAUSED_BY_USER, None),
            ("03", Status.SAFETY_KEY, None),
            ("04", Status.STARTED_BY_USER, None),
            ("05 fa 00", Status.TARGET_SPEED, 250),
            ("06 f1 ff", Status.TARGET_INCLINE, -15),
            ("ff", Status.CONTROL_LOST, None),
        ],
    )
    def test_is_read_with_its_target(self, frame, status, value):
        assert StatusReport(status, value) == decode_status(bytes.fromhex(frame))

    @pytest.mark.parametrize("frame", ["04 00 00", "02 01 00", "ff 00 00", "03 00 00"])
    def test_may_be_padded_to_three_bytes(self, frame):
        padded = bytes.fromhex(frame)
        bare = padded[:2] if padded[0] == 0x02 else padded[:1]
        assert decode_status(bare) == decode_status(padded)

    def test_of_a_stop_that_does_not_say_which_kind_is_taken_for_the_walkers(self):
        assert StatusReport(Status.STOPPED_BY_USER) == decode_status(b"\x02")

    @pytest.mark.parametrize(
        ("frame", "flaw"),
        [
            ("", Flaw.SHORT),
            ("05", Flaw.SHORT),
            ("05 fa", Flaw.SHORT),
            ("06 00", Flaw.SHORT),
            ("02 07", Flaw.UNKNOWN),
            ("0a 64", Flaw.UNKNOWN),
            ("7f", Flaw.UNKNOWN),
        ],
    )
    def test_that_cannot_be_read_is_rejected(self, frame, flaw):
        raw = bytes.fromhex(frame)
        assert Rejected(flaw, raw) == decode_status(raw)

    @given(st.binary(max_size=30))
    def test_of_any_bytes_never_raises(self, frame):
        assert isinstance(decode_status(frame), StatusReport | Rejected)


class TestTraining:
    @pytest.mark.parametrize(
        ("frame", "code"),
        [("01 01", 0x01), ("01 0d", 0x0D), ("00 0e", 0x0E), ("00 0f", 0x0F), ("02 11 41 42", 0x11)],
    )
    def test_status_is_its_code_whatever_the_flags(self, frame, code):
        assert code == decode_training(bytes.fromhex(frame))

    @pytest.mark.parametrize("frame", [b"", b"\x00"])
    def test_status_without_a_code_is_rejected(self, frame):
        assert Rejected(Flaw.SHORT, frame) == decode_training(frame)
