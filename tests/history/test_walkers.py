"""Walkers are kept as they described themselves, and erased for good."""

from __future__ import annotations

from backstride.domain.walker import Walker
from backstride.history.store import Store

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


def test_whoever_is_erased_is_gone_and_others_stay(store, make):
    store.save_walker(ANN)
    store.save_walker(BO)
    store.write(make.head("1", walker="ann", effort=12))
    store.write(make.head("2", walker="bo"))
    assert 1 == store.erase_walker("ann")
    assert (BO,) == store.walkers()
    assert () == store.heads(walker="ann")
    assert ["2"] == [head.id for head in store.heads(walker="bo")]


def test_the_erased_leave_nothing_in_the_file(path, make):
    with Store(path) as store:
        store.save_walker(Walker(id="ann", name="Annabella Unmistakable"))
        store.write(make.head("1", walker="ann"), [make.sample(n) for n in range(50)])
        store.erase_walker("ann")
        left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"SQLite format 3" in left
    assert b"Unmistakable" not in left


def test_erasing_nobody_is_told_from_erasing_somebody_who_never_walked(store):
    store.save_walker(BO)
    assert None is store.erase_walker("ann")
    assert 0 == store.erase_walker("bo")
