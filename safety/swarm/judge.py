"""The judge: what must never be, looked for in the machine's own log and in what people were told.

Each rule returns sentences about what is wrong; none of them asks the product what it believes of the
belt. Where a rule needs to know what the product could have known, it looks at the mishaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from safety.swarm import rules_motion, rules_session, rules_walker
from safety.swarm.world import World

RULES: Final[tuple[Callable[[World], Iterator[str]], ...]] = (
    rules_motion.only_known_commands,
    rules_motion.no_target_above_the_cap,
    rules_motion.never_above_the_cap,
    rules_motion.no_jump,
    rules_motion.no_rise_unseen,
    rules_motion.no_rise_without_a_broker,
    rules_session.a_stop_is_sent_at_once,
    rules_walker.no_rise_above_the_ceiling,
    rules_walker.nobody_above_their_level,
    rules_session.long_gaps_slow_down,
    rules_motion.starts_only_at_rest,
    rules_motion.starts_only_confirmed,
    rules_session.only_stop_outside_motion,
    rules_session.the_walker_wins,
    rules_session.faults_latch,
    rules_session.never_finished_while_moving,
    rules_session.hand_over_needs_a_hand,
    rules_session.every_request_is_answered,
    rules_session.journals_tell_what_happened,
    rules_session.the_gate_is_never_needed,
    rules_motion.sound_motions,
)


def judge(world: World) -> list[str]:
    """Everything that was wrong, in the order of the rules."""
    found = list(world.complaints)
    for rule in RULES:
        found.extend(rule(world))
    return found
