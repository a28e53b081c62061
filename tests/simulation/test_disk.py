"""The simulated disk forgets what real ones forget."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def disk():
    from safety.swarm.disk import Disk

    print("seed 5")
    return Disk(random.Random(5))


def write(disk, name, data, *, sync=False):
    file = disk.path(name).open("ab", buffering=0)
    file.write(data)
    if sync:
        disk.sync(file.fileno())


@pytest.mark.hazard("H11")
def test_a_power_cut_keeps_what_was_synced_and_any_part_of_the_rest(disk):
    write(disk, "/a", b"durable", sync=True)
    disk.sync(0)
    write(disk, "/a", b"the rest")
    disk.cut_power()
    kept = disk.path("/a").read_bytes()
    assert kept.startswith(b"durable")
    assert b"durablethe rest".startswith(kept)


def test_a_crash_of_the_process_keeps_what_was_written(disk):
    write(disk, "/a", b"written")
    assert b"written" == disk.path("/a").read_bytes()


def test_a_new_name_survives_for_certain_once_its_directory_is_synced(disk):
    write(disk, "/a", b"x", sync=True)
    assert not disk.keeps("/a")
    disk.sync(0)
    assert disk.keeps("/a")


def test_after_a_power_cut_a_replaced_file_is_the_old_or_the_new_one(disk):
    seen = set()
    for _ in range(20):
        for name, content in (("/draft", b"new"), ("/a", b"old")):
            disk.path(name).unlink(missing_ok=True)
            write(disk, name, content, sync=True)
        disk.sync(0)
        disk.path("/draft").replace(disk.path("/a"))
        disk.cut_power()
        seen.add(disk.path("/a").read_bytes())
    assert {b"old", b"new"} == seen


def test_a_full_disk_takes_a_part_and_says_no(disk):
    file = disk.path("/a").open("ab")
    disk.broken = True
    with pytest.raises(OSError, match="No space left"):
        file.write(b"0123456789")
    with pytest.raises(OSError, match="No space left"):
        disk.sync(file.fileno())
    with pytest.raises(OSError, match="No space left"):
        disk.path("/b").open("wb")
    assert b"0123456789".startswith(disk.path("/a").read_bytes())
    assert 3 == disk.failures
