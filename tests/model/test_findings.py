"""What the search found in the product, each as the way that once broke a promise."""

from __future__ import annotations

import pytest

from backstride.domain.notices import Alarm
from safety.model.scene import EVERYTHING, Scene, timing
from safety.model.search import core_of, opening
from safety.model.story import replay, unfold_moves
from safety.model.world import World

PLAIN = Scene(name="plain", groups=EVERYTHING)
FOUND = {
    "a belt that never came to its target was called somebody else's, and ran on": (
        PLAIN,
        ["start", "confirm", "round *10", "hollow 0", "round *2", "stall 4"],
    ),
    "a Start still on its way was forgotten when the console took over": (
        PLAIN,
        ["start", "confirm", "round", "console start silent", "round", "console stop", "round *3"],
    ),
    "a speed that was just commanded was taken for the belt's own, and commanded back": (
        PLAIN,
        ["start", "confirm", "round *5", "lost 0", "round *7", "console up", "round *3"],
    ),
    "a start asked for just after a crash made the session forget the earlier life's claim": (
        PLAIN.but(delay=6_000),
        ["start", "confirm", "round *2", "crash 2", "link up", "round", "start", "round *12"],
    ),
    "two zeros after a crash proved rest while the earlier life's Start was yet to work": (
        PLAIN.but(delay=6_000),
        ["start", "confirm", "round *2", "crash 2", "link up", "round *12"],
    ),
    "zeros from before a stall proved rest while Start was yet to work": (
        PLAIN.but(delay=4_000, commits=True),
        ["start", "confirm", "round *2", "stall 4", "round *3", "stall 4"],
    ),
    "a Start that the console outran was forgotten before its answer came": (
        PLAIN.but(delay=4_000, commits=True),
        [
            "start",
            "confirm",
            "round",
            "console start silent",
            "round",
            "console stop",
            "peace",
            "round *30",
        ],
    ),
    "a belt stopped at its console was told to speed up as it passed the speed it was told": (
        PLAIN.but(brake=20, toggles=True),
        ["start", "confirm", "round *5", "console up", "round", "console stop silent", "round *5"],
    ),
    "a Start that was answered while the console's belt still coasted was handed over with it": (
        PLAIN.but(delay=4_000, commits=True),
        [
            "start",
            "confirm",
            "round",
            "console start silent",
            "round",
            "console stop silent",
            "round *30",
        ],
    ),
    "a Start that was denied was to be told again although the deck had sunk": (
        PLAIN.but(tilts=True, groups=EVERYTHING | {"deck"}),
        ["start", "confirm", "round *2", "deck down", "denied 0", "round *2"],
    ),
    "a probe without effect was handed over when a stall hid it until both were due": (
        PLAIN.but(shows_target=True),
        ["start", "confirm", "round *11", "frames repeat", "round *2", "stall 4"],
    ),
    "Stop before the earlier life's claim was judged did not wait for its Start": (
        PLAIN.but(delay=4_000, commits=True),
        ["start", "confirm", "round *2", "crash 2", "peace", "round *25"],
    ),
}


@pytest.mark.hazard("H10", "H15", "H17")
@pytest.mark.parametrize("what", FOUND)
def test_the_promise_holds_although(what):
    scene, way = FOUND[what]
    assert replay(scene, unfold_moves(way)) == ""


def test_a_belt_left_moving_is_not_accused_of_the_speed_that_it_was_left_at():
    """Found by walking raw sessions and representatives side by side: one of them was surprised."""
    causes = []
    with timing(PLAIN.timing):
        world = World(PLAIN, core_of(PLAIN, canonical=False))
        opening(world)
        way = ["start", "confirm", "round *9", "crash 2", "link up", "round", "stall 4"]
        for move in unfold_moves(way):
            world.do(move)
        session = world.core.sessions[world.sid]
        assert session.off_since is None
        causes = [n.cause for n in world.core.notices if isinstance(n, Alarm)]
    assert "not_following" not in causes
