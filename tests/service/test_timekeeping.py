"""Whether the clock is kept right, where the kernel may not be asked."""

import os
import time

import pytest

from backstride.mqtt import walltime
from backstride.service.timekeeping import LASTS_S, is_synchronised


@pytest.fixture(params=[False, True], ids=["forbidden", "allowed"])
def kernel(request, monkeypatch):
    """What the kernel says: nothing in a sandbox."""
    monkeypatch.setattr(walltime, "is_synchronised", lambda: request.param)
    return request.param


@pytest.mark.hazard("H02")
@pytest.mark.parametrize(
    ("age", "fresh"),
    [(0, True), (LASTS_S - 60, True), (LASTS_S + 60, False), (-3_600, False), (None, False)],
    ids=["now", "a while ago", "too long ago", "in the future", "never"],
)
def test_the_mark_of_the_time_service_counts_while_it_is_fresh(tmp_path, kernel, age, fresh):
    mark = tmp_path / "synchronized"
    if age is not None:
        mark.touch()
        os.utime(mark, (time.time() - age,) * 2)
    assert (kernel or fresh) is is_synchronised(mark)
