"""The tables, as the steps that made them: step n brings a database from version n - 1 to n.

A step that was ever released is never changed: somebody's years of data went through it. The newest shape
is what all of them together make. Columns carry the names of the fields in `domain.record`.
"""

from __future__ import annotations

from typing import Final

WALKERS: Final = """
CREATE TABLE walker (
    id TEXT NOT NULL PRIMARY KEY,
    about BLOB NOT NULL,
    extra BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""
"""`about` is a `Walker` as JSON, `extra` JSON that only its writer understands."""

SESSIONS: Final = """
CREATE TABLE session (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    treadmill TEXT NOT NULL,
    program TEXT NOT NULL,
    program_name TEXT NOT NULL,
    level TEXT NOT NULL,
    started INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    walker TEXT,
    length INTEGER NOT NULL,
    outcome TEXT,
    completed INTEGER NOT NULL,
    walked INTEGER NOT NULL,
    backward INTEGER NOT NULL,
    distance INTEGER,
    steps INTEGER,
    top_speed INTEGER NOT NULL,
    top_incline INTEGER NOT NULL,
    work_speed INTEGER NOT NULL,
    energy INTEGER,
    heart_rate_mean INTEGER,
    heart_rate_max INTEGER,
    alarms INTEGER NOT NULL,
    effort INTEGER,
    pain INTEGER
) STRICT;
CREATE INDEX session_by_time ON session (started);
CREATE INDEX session_by_treadmill ON session (treadmill, started);
CREATE INDEX session_by_walker ON session (walker, started);
CREATE INDEX session_under_way ON session (treadmill) WHERE outcome IS NULL;

CREATE TABLE sample (
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    at INTEGER NOT NULL,
    speed INTEGER,
    setpoint INTEGER,
    incline INTEGER,
    heart_rate INTEGER,
    steps INTEGER,
    distance INTEGER,
    energy INTEGER,
    facing TEXT NOT NULL,
    PRIMARY KEY (session, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE lap (
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    number INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    effort TEXT NOT NULL,
    facing TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER,
    speed INTEGER NOT NULL,
    ramp_to INTEGER NOT NULL,
    incline INTEGER NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE said (
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    heard INTEGER NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE trouble (
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    cause TEXT NOT NULL,
    action TEXT NOT NULL,
    sentence TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
"""
"""A session's parts are keyed by it and their number, so that one session lies together on the disk and
writing a part again replaces it."""

MIGRATIONS: Final[tuple[str, ...]] = (WALKERS, SESSIONS)
NEWEST: Final = len(MIGRATIONS)
