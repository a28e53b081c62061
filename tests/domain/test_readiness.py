"""The readiness questions: what a yes, an old answer and no answer lead to."""

from __future__ import annotations

import pytest

from backstride.domain.readiness import (
    ABSENCE,
    ADVICE,
    DAY,
    PROFESSIONAL_FIRST,
    QUESTIONS,
    VALID,
    Clearance,
    Question,
    Readiness,
    explain,
    is_current,
    judge,
)

THEN = 1_800_000_000_000
NO = Readiness(answered=THEN)


def test_every_question_has_its_words():
    assert list(Question) == list(QUESTIONS)
    assert all(words.endswith("?") for words in QUESTIONS.values())


def test_three_questions_ask_for_a_professional_first():
    expected = {Question.DIZZINESS, Question.PREGNANCY, Question.HEART}
    assert expected == PROFESSIONAL_FIRST


def test_times_are_half_a_year_and_eight_weeks():
    assert (86_400_000, 15_724_800_000, 4_838_400_000) == (DAY, VALID, ABSENCE)


def test_nothing_answered_means_the_cautious_limits():
    assert Clearance.CAUTIOUS is judge(None, THEN, None)
    assert "not answered yet" in explain(None, THEN, None)


def test_no_to_everything_is_ready():
    assert Clearance.READY is judge(NO, THEN, THEN)
    assert "No question was answered with yes." == explain(NO, THEN, None)


@pytest.mark.parametrize("question", Question)
def test_a_yes_makes_cautious_or_refuses_with_the_advice_to_ask_a_professional(question):
    said = Readiness(answered=THEN, yes=(question,))
    refused = question in PROFESSIONAL_FIRST
    assert (Clearance.REFUSED if refused else Clearance.CAUTIOUS) is judge(said, THEN, None)
    assert question in explain(said, THEN, None)
    assert ADVICE in explain(said, THEN, None)


@pytest.mark.parametrize("question", Question)
def test_a_professional_who_agreed_makes_it_cautious_and_never_more(question):
    said = Readiness(answered=THEN, yes=(question,), agreed=True)
    assert Clearance.CAUTIOUS is judge(said, THEN, None)


def test_one_reason_to_refuse_among_others_is_enough():
    said = Readiness(answered=THEN, yes=(Question.KNEE, Question.HEART))
    assert Clearance.REFUSED is judge(said, THEN, None)
    assert "knee, heart" in explain(said, THEN, None)


def test_answers_are_asked_for_again_after_half_a_year():
    walked = THEN + VALID - 1
    assert is_current(NO, THEN + VALID - 1, walked)
    assert not is_current(NO, THEN + VALID, walked)
    assert Clearance.CAUTIOUS is judge(NO, THEN + VALID, walked)
    assert "too old" in explain(NO, THEN + VALID, walked)


def test_answers_are_asked_for_again_after_eight_weeks_without_a_session():
    assert is_current(NO, THEN + ABSENCE - 1, None)
    assert not is_current(NO, THEN + ABSENCE, None)
    assert is_current(NO, THEN + ABSENCE, THEN + 1)
    assert not is_current(NO, THEN + ABSENCE + 1, THEN + 1)


def test_who_answers_after_an_absence_has_answered_for_it():
    assert is_current(NO, THEN + ABSENCE - 1, THEN - ABSENCE)


def test_an_old_refusal_stays_one():
    said = Readiness(answered=THEN, yes=(Question.HEART,))
    assert Clearance.REFUSED is judge(said, THEN + 10 * VALID, None)


def test_no_answers_are_not_current():
    assert not is_current(None, THEN, THEN)
