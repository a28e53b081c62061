"""The control point against a machine that is scripted line by line, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from bleak.exc import BleakError, BleakGATTProtocolError

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.events import Verdict
from backstride.ftms.control import ControlPoint
from backstride.ftms.rejections import Tally
from backstride.ftms.waits import Waits

BUSY = 0xFE


@dataclass
class Wire:
    """The other end: notes each write, and does to it what the script says.

    A reaction is a delay in ms after which success is answered, an exception that the write raises,
    or None: silence. Without a reaction left, success is answered after 40 ms.
    """

    clock: object
    reactions: list = field(default_factory=list)
    writes: list = field(default_factory=list)
    point: ControlPoint | None = None
    write_time: int = 8

    async def write(self, frame):
        self.writes.append((self.clock.now(), frame.hex(" ")))
        reaction = self.reactions.pop(0) if self.reactions else 40
        await asyncio.sleep(self.write_time / 1_000)
        if isinstance(reaction, Exception):
            raise reaction
        if reaction is not None:
            self.answer_later(reaction, frame[0])

    def answer_later(self, delay, op, result=1):
        loop = asyncio.get_running_loop()
        loop.call_later(delay / 1_000, self.point.answer, bytes([0x80, op, result]))


@dataclass
class Rig:
    wire: Wire
    point: ControlPoint
    tally: Tally
    lost: list
    grant: object
    clock: object
    tickets: int = 0

    async def send(self, command, **changes):
        self.tickets += 1
        now = self.clock.now()
        return await self.point.execute(
            self.grant(command, **({"ticket": self.tickets, "now": now} | changes))
        )

    def begin(self, command, **changes):
        return asyncio.create_task(self.send(command, **changes))

    @property
    def sent(self):
        return [frame for _, frame in self.wire.writes]


@pytest.fixture
def make_rig(loop_clock, make_permit):
    def make(*reactions, epoch=1, waits=None, **wire):
        tally = Tally(loop_clock)
        lost = []
        end = Wire(loop_clock, list(reactions), **wire)
        end.point = ControlPoint(
            epoch=epoch,
            write=end.write,
            clock=loop_clock,
            waits=waits or Waits(),
            tally=tally,
            lost=lost.append,
        )
        return Rig(end, end.point, tally, lost, make_permit, loop_clock)

    return make


def verdicts(*outcomes):
    return [outcome.verdict for outcome in outcomes]


CONFIRMED, REJECTED, UNKNOWN = Verdict.CONFIRMED, Verdict.REJECTED, Verdict.UNKNOWN


@pytest.mark.hazard("H24")
class TestEndings:
    def test_success_confirms_each_command(self, make_rig, in_virtual_time, any_command):
        async def story():
            outcome = await make_rig().send(any_command)
            assert verdicts(outcome) == [CONFIRMED]
            assert (outcome.epoch, outcome.ticket, outcome.at) == (1, 1, 48)

        in_virtual_time(story)

    @pytest.mark.parametrize(
        ("result", "verdict", "detail"),
        [
            (2, REJECTED, "refused: not supported"),
            (3, REJECTED, "refused: invalid parameter"),
            (4, REJECTED, "refused: failed"),
            (5, REJECTED, "refused: control not permitted"),
            (0, UNKNOWN, "the machine answered result 0x00, which means nothing"),
        ],
    )
    def test_what_the_machine_answers_is_the_verdict(
        self, make_rig, in_virtual_time, result, verdict, detail
    ):
        async def story():
            rig = make_rig(None)
            task = rig.begin(SetSpeed(100))
            await asyncio.sleep(0.01)
            rig.wire.answer_later(20, 0x02, result)
            outcome = await task
            assert (outcome.verdict, outcome.detail) == (verdict, detail)

        in_virtual_time(story)

    def test_no_answer_within_three_seconds_is_unknown(self, make_rig, in_virtual_time):
        async def story():
            outcome = await make_rig(None).send(SetSpeed(100))
            assert verdicts(outcome) == [UNKNOWN]
            assert outcome.detail == "no answer to the procedure within 3000 ms"
            assert outcome.at == 3_000

        in_virtual_time(story)

    def test_an_answer_at_the_last_moment_counts(self, make_rig, in_virtual_time):
        async def story():
            assert verdicts(await make_rig(2_900).send(Start())) == [CONFIRMED]

        in_virtual_time(story)

    def test_a_write_that_never_ends_is_unknown_and_blocks_what_follows(
        self, make_rig, in_virtual_time
    ):
        async def story():
            rig = make_rig(None, write_time=20_000)
            first = await rig.send(SetSpeed(100))
            assert first.detail == "no answer to the write within 3000 ms"
            second = await rig.send(SetSpeed(110))
            assert second.detail == "not sent: the machine has not taken the command before"
            assert verdicts(first, second) == [UNKNOWN, REJECTED]
            rig.point.close("over")

        in_virtual_time(story)

    def test_an_answer_before_the_write_has_ended_counts(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(None, write_time=500)
            task = rig.begin(Start())
            await asyncio.sleep(0.01)
            rig.point.answer(bytes.fromhex("80 07 01"))
            assert (await task).verdict is CONFIRMED

        in_virtual_time(story)

    def test_a_write_that_the_machine_refuses_is_rejected(self, make_rig, in_virtual_time):
        async def story():
            outcome = await make_rig(BleakGATTProtocolError(0x03)).send(Start())
            assert verdicts(outcome) == [REJECTED]
            assert "Write Not Permitted" in outcome.detail

        in_virtual_time(story)

    def test_an_unlikely_error_is_unknown(self, make_rig, in_virtual_time):
        async def story():
            outcome = await make_rig(BleakGATTProtocolError(0x0E)).send(Start())
            assert verdicts(outcome) == [UNKNOWN]

        in_virtual_time(story)

    @pytest.mark.parametrize("fault", [BleakError("gone"), OSError("gone"), EOFError("gone")])
    def test_a_write_that_breaks_is_unknown(self, make_rig, in_virtual_time, fault, any_command):
        async def story():
            outcome = await make_rig(fault).send(any_command)
            assert (outcome.verdict, outcome.detail) == (UNKNOWN, "the link broke: gone")

        in_virtual_time(story)

    def test_a_link_that_ends_while_an_answer_is_awaited_is_unknown(
        self, make_rig, in_virtual_time, any_command
    ):
        async def story():
            rig = make_rig(None)
            task = rig.begin(any_command)
            await asyncio.sleep(0.5)
            rig.point.close("out of range")
            outcome = await task
            assert (outcome.verdict, outcome.detail) == (UNKNOWN, "the link broke: out of range")
            assert outcome.at == 500

        in_virtual_time(story)

    def test_a_link_that_ends_during_the_write_is_unknown(
        self, make_rig, in_virtual_time, any_command
    ):
        async def story():
            rig = make_rig(None, write_time=1_000)
            task = rig.begin(any_command)
            await asyncio.sleep(0.5)
            rig.point.close("out of range")
            assert (await task).verdict is UNKNOWN

        in_virtual_time(story)

    def test_nothing_is_sent_after_the_end(self, make_rig, in_virtual_time, any_command):
        async def story():
            rig = make_rig()
            rig.point.close("out of range")
            outcome = await rig.send(any_command)
            assert (outcome.verdict, outcome.detail) == (REJECTED, "not sent: out of range")
            assert rig.sent == []

        in_virtual_time(story)


@pytest.mark.hazard("H03")
class TestPermits:
    def test_of_another_connection_are_not_sent(self, make_rig, in_virtual_time, any_command):
        async def story():
            rig = make_rig(epoch=2)
            outcome = await rig.send(any_command, epoch=1)
            assert (outcome.verdict, outcome.epoch) == (REJECTED, 1)
            assert rig.sent == []

        in_virtual_time(story)

    def test_past_their_deadline_are_not_sent(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig()
            await asyncio.sleep(1.001)
            outcome = await rig.send(SetSpeed(100), now=0)
            assert outcome.detail == "not sent: its deadline has passed"
            assert rig.sent == []

        in_virtual_time(story)

    def test_that_expire_while_they_wait_for_their_turn_are_not_sent(
        self, make_rig, in_virtual_time
    ):
        async def story():
            rig = make_rig(1_500)
            first, second = rig.begin(SetSpeed(100)), rig.begin(SetIncline(10))
            assert verdicts(await first, await second) == [CONFIRMED, REJECTED]
            assert rig.sent == ["02 64 00"]

        in_virtual_time(story)

    def test_for_stop_never_expire(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig()
            await asyncio.sleep(3_600)
            assert verdicts(await rig.send(Stop(), now=0)) == [CONFIRMED]

        in_virtual_time(story)


@pytest.mark.hazard("H24")
class TestAnswers:
    def test_one_procedure_runs_at_a_time(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(200, 200)
            tasks = [rig.begin(SetSpeed(100)), rig.begin(SetIncline(10))]
            assert verdicts(*[await task for task in tasks]) == [CONFIRMED, CONFIRMED]
            assert [at for at, _ in rig.wire.writes] == [0, 208]

        in_virtual_time(story)

    def test_of_other_commands_are_counted_and_ignored(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(500)
            task = rig.begin(SetSpeed(100))
            await asyncio.sleep(0.1)
            rig.point.answer(bytes.fromhex("80 08 01"))
            rig.point.answer(bytes.fromhex("80 00 01"))
            outcome = await task
            assert (outcome.verdict, outcome.at) == (CONFIRMED, 508)
            assert rig.tally.counts == {"answer.mismatched": 2}

        in_virtual_time(story)

    def test_that_come_twice_are_counted_and_ignored(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig()
            await rig.send(SetSpeed(100))
            rig.point.answer(bytes.fromhex("80 02 01"))
            assert rig.tally.counts == {"answer.repeated": 1}

        in_virtual_time(story)

    def test_that_come_late_do_not_confirm_the_next_command(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(3_500, None)
            first = await rig.send(SetSpeed(100))
            second = await rig.send(Stop())
            assert verdicts(first, second) == [UNKNOWN, UNKNOWN]
            assert rig.tally.counts == {"answer.late": 1}

        in_virtual_time(story)

    def test_that_may_belong_to_an_earlier_value_confirm_neither(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(3_100, None)
            first = await rig.send(SetSpeed(100))
            second = await rig.send(SetSpeed(120))
            assert verdicts(first, second) == [UNKNOWN, UNKNOWN]
            assert second.detail == "the answer may belong to an earlier command"
            assert rig.tally.counts == {"answer.ambiguous": 1}
            assert verdicts(await rig.send(SetSpeed(130))) == [CONFIRMED]

        in_virtual_time(story)

    @pytest.mark.parametrize("command", [RequestControl(), Start(), Stop(), SetSpeed(100)])
    def test_to_the_same_request_asked_again_confirm_it(self, make_rig, in_virtual_time, command):
        async def story():
            rig = make_rig(3_100, None)
            first = await rig.send(command)
            second = await rig.send(command)
            assert verdicts(first, second) == [UNKNOWN, CONFIRMED]

        in_virtual_time(story)

    def test_before_any_command_are_counted_and_ignored(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig()
            for frame in ("80 00 01", "80 08 01", "", "80", "01 02 03"):
                rig.point.answer(bytes.fromhex(frame))
            expected = {"answer.mismatched": 2, "answer.short": 2, "answer.unknown": 1}
            assert rig.tally.counts == expected

        in_virtual_time(story)

    def test_of_ten_thousand_kinds_of_noise_never_raise(self, make_rig, in_virtual_time, rng):
        async def story():
            rig = make_rig()
            task = rig.begin(SetSpeed(100))
            for _ in range(10_000):
                frame = rng.randbytes(rng.randrange(6))
                if frame[:2] != b"\x80\x02":
                    rig.point.answer(frame)
            assert (await task).verdict is CONFIRMED

        in_virtual_time(story)


class TestBusy:
    def test_an_ordinary_command_is_rejected(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(BleakGATTProtocolError(BUSY))
            outcome = await rig.send(SetSpeed(100))
            assert outcome.verdict is REJECTED
            assert outcome.detail == "refused: another procedure is in progress"
            assert rig.sent == ["02 64 00"]

        in_virtual_time(story)

    def test_a_stop_is_tried_until_it_is_taken(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(*[BleakGATTProtocolError(BUSY)] * 20)
            outcome = await rig.send(Stop())
            assert outcome.verdict is CONFIRMED
            assert rig.sent == ["08 01"] * 21
            assert [at for at, _ in rig.wire.writes[:3]] == [0, 58, 116]

        in_virtual_time(story)

    def test_a_stop_that_is_never_taken_ends_the_link_after_30_s(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(*[BleakGATTProtocolError(BUSY)] * 2_000)
            outcome = await rig.send(Stop())
            assert outcome.verdict is REJECTED
            assert 29_000 < outcome.at < 31_000
            await asyncio.sleep(4)
            assert len(rig.lost) == 1

        in_virtual_time(story)


@pytest.mark.hazard("H24")
class TestStop:
    def test_is_written_at_once_while_another_procedure_runs(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(1_000)
            ordinary = rig.begin(SetSpeed(100))
            await asyncio.sleep(0.1)
            stop = rig.begin(Stop())
            assert verdicts(await stop, await ordinary) == [CONFIRMED, CONFIRMED]
            assert rig.wire.writes == [(0, "02 64 00"), (100, "08 01")]

        in_virtual_time(story)

    def test_voids_what_waits(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(300)
            running = rig.begin(SetSpeed(100))
            waiting = rig.begin(SetIncline(10))
            await asyncio.sleep(0.1)
            assert verdicts(await rig.send(Stop())) == [CONFIRMED]
            outcome = await waiting
            assert outcome.detail == "not sent: a Stop came first"
            assert verdicts(await running, outcome) == [CONFIRMED, REJECTED]
            assert rig.sent == ["02 64 00", "08 01"]

        in_virtual_time(story)

    def test_lets_a_request_for_control_wait_and_go(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(300)
            running, waiting = rig.begin(SetSpeed(100)), rig.begin(RequestControl())
            await asyncio.sleep(0.1)
            await rig.send(Stop())
            assert verdicts(await running, await waiting) == [CONFIRMED, CONFIRMED]
            assert rig.sent == ["02 64 00", "08 01", "00"]

        in_virtual_time(story)

    def test_is_followed_by_nothing_until_it_has_ended(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(500)
            stop = rig.begin(Stop())
            await asyncio.sleep(0.1)
            speed = rig.begin(SetSpeed(100))
            assert verdicts(await stop, await speed) == [CONFIRMED, CONFIRMED]
            assert rig.wire.writes == [(0, "08 01"), (508, "02 64 00")]

        in_virtual_time(story)

    def test_is_tried_again_as_soon_as_what_blocked_it_is_answered(self, make_rig, in_virtual_time):
        async def story():
            # The machine answers the request for control after 12 ms and takes no Stop before that.
            rig = make_rig(12, BleakGATTProtocolError(BUSY))
            asked = rig.begin(RequestControl())
            await asyncio.sleep(0)
            outcome = await rig.send(Stop())
            assert verdicts(await asked, outcome) == [CONFIRMED, CONFIRMED]
            times = [at for at, frame in rig.wire.writes if frame == "08 01"]
            assert len(times) == 2
            assert times[1] - times[0] < 25

        in_virtual_time(story)

    def test_asked_for_twice_while_it_is_tried_is_one(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(BleakGATTProtocolError(BUSY), BleakGATTProtocolError(BUSY))
            outcomes = await asyncio.gather(rig.send(Stop()), rig.send(Stop()))
            assert verdicts(*outcomes) == [CONFIRMED, CONFIRMED]
            assert [outcome.ticket for outcome in outcomes] == [1, 2]
            assert rig.sent == ["08 01"] * 3

        in_virtual_time(story)

    def test_asked_for_again_after_it_was_taken_is_written_again(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(None)
            first = rig.begin(Stop())
            await asyncio.sleep(0.5)
            second = rig.begin(Stop())
            assert verdicts(await first, await second) == [CONFIRMED, CONFIRMED]
            assert rig.wire.writes == [(0, "08 01"), (500, "08 01")]

        in_virtual_time(story)

    def test_goes_on_when_whoever_asked_for_it_is_cancelled(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(*[BleakGATTProtocolError(BUSY)] * 5)
            task = rig.begin(Stop())
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.sleep(1)
            assert rig.sent == ["08 01"] * 6

        in_virtual_time(story)


class TestCancellation:
    def test_of_an_ordinary_command_leaves_its_answer_to_be_late(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(500)
            task = rig.begin(SetSpeed(100))
            await asyncio.sleep(0.1)
            task.cancel()
            assert verdicts(await rig.send(Start())) == [CONFIRMED]
            await asyncio.sleep(1)
            assert rig.tally.counts == {"answer.late": 1}

        in_virtual_time(story)


@pytest.mark.hazard("H13", "H24")
class TestSilence:
    def test_of_30_s_ends_the_link(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(None)
            await rig.send(SetSpeed(100))
            await asyncio.sleep(26.9)
            assert rig.lost == []
            await asyncio.sleep(0.2)
            assert rig.lost == ["the control point did not answer for 30 s"]

        in_virtual_time(story)

    def test_of_30_s_permits_nothing_but_stop(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(None, None)
            await rig.send(SetSpeed(100))
            await asyncio.sleep(26.5)
            stop = rig.begin(Stop())
            await asyncio.sleep(1)
            outcome = await rig.send(SetSpeed(110))
            assert outcome.verdict is REJECTED
            assert rig.lost == []
            assert verdicts(await stop) == [UNKNOWN]
            await asyncio.sleep(1)
            assert len(rig.lost) == 1
            assert rig.sent == ["02 64 00", "08 01"]

        in_virtual_time(story)

    def test_is_forgiven_when_anything_is_answered(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(None)
            await rig.send(SetSpeed(100))
            assert verdicts(await rig.send(SetIncline(10))) == [CONFIRMED]
            await asyncio.sleep(120)
            assert rig.lost == []

        in_virtual_time(story)

    def test_is_forgiven_when_the_answer_is_late(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(20_000)
            await rig.send(SetSpeed(100))
            await asyncio.sleep(120)
            assert rig.lost == []

        in_virtual_time(story)

    def test_after_a_request_for_control_is_no_reason_to_end(self, make_rig, in_virtual_time):
        async def story():
            rig = make_rig(None)
            outcome = await rig.send(RequestControl())
            assert outcome.verdict is UNKNOWN
            await asyncio.sleep(120)
            assert rig.lost == []
            assert verdicts(await rig.send(Start())) == [CONFIRMED]

        in_virtual_time(story)
