"""Walkers are kept as they described themselves, and erased for good."""

from __future__ import annotations

import pytest

from backstride.domain.walker import Walker
from backstride.history.store import Fate, Store

ANN = Walker(id="ann", name="Ann", weight=61_000, max_heart_rate=171)
BO = Walker(id="bo", name="Bo")


def test_a_walker_comes_back_as_they_were_saved(store):
    store.save_walker(BO)
    store.save_walker(ANN)
    assert (ANN, BO) == store.walkers()
    assert ANN == store.walker("ann")


def test_nobody_is_none_and_keeps_nothing(store):
    assert None is store.walker("ann")
    assert b"{}" == store.extra("ann")


def test_what_is_kept_beside_a_walker_stays_until_it_is_replaced(store):
    store.save_walker(BO, b'{"readiness":1}')
    store.save_walker(ANN)
    store.save_walker(Walker(id="bo", name="Boris"))
    assert "Boris" == store.walker("bo").name
    assert b'{"readiness":1}' == store.extra("bo")
    store.save_walker(BO, b'{"readiness":2}')
    assert b'{"readiness":2}' == store.extra("bo")
    assert b"{}" == store.extra("ann")


@pytest.mark.parametrize("fate", Fate)
def test_whoever_is_erased_is_gone_and_others_stay(store, make, fate):
    store.save_walker(ANN)
    store.save_walker(BO)
    store.write(make.head("1", walker="ann", effort=12))
    store.write(make.head("2", walker="bo"))
    assert 1 == store.erase_walker("ann", fate)
    assert (BO,) == store.walkers()
    assert () == store.heads(walker="ann")
    assert ["2"] == [head.id for head in store.heads(walker="bo")]


def test_an_anonymised_session_says_where_the_belt_ran_and_nothing_of_the_body(store, make):
    told = make.head(
        "1", walker="ann", effort=12, pain=2, energy=900, heart_rate_max=140, heart_rate_mean=120
    )
    store.write(told, [make.sample(1, heart_rate=130, energy=40)])
    assert 1 == store.erase_walker("ann", Fate.ANONYMISE)
    record = store.load("1")
    assert make.head("1") == record.head
    assert (make.sample(1).part,) == record.samples


def test_the_erased_leave_nothing_in_the_file(path, make):
    with Store(path) as store:
        store.save_walker(Walker(id="ann", name="Annabella Unmistakable"))
        store.write(make.head("1", walker="ann"), [make.sample(n) for n in range(50)])
        store.erase_walker("ann", Fate.ERASE)
        left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"SQLite format 3" in left
    assert b"Unmistakable" not in left


def test_erasing_nobody_is_told_from_erasing_somebody_who_never_walked(store):
    store.save_walker(BO)
    assert None is store.erase_walker("ann", Fate.ERASE)
    assert 0 == store.erase_walker("bo", Fate.ERASE)


def test_a_late_entry_of_a_session_does_not_bring_the_erased_back(store, make):
    store.write(make.head("1", walker="ann"))
    store.erase_walker("ann", Fate.ANONYMISE)
    store.write(make.head("1", walker="ann", length=5_000))
    assert [(None, 5_000)] == [(head.walker, head.length) for head in store.heads()]
