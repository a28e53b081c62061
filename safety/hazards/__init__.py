"""Every hazard with its answer, its proofs and its remainder, as data; and the pages made from it.

`safety/hazards.toml` is the only place where hazards are written down. `catalogue` reads it and finds the
code that each row names, `coverage` finds the tests that name each row, `page` writes SAFETY.md and a
section of README.md. tests/architecture/test_hazards.py fails when any of these do not agree.

    python -m safety.hazards            write SAFETY.md and README's section
    python -m safety.hazards --check    say what is wrong, write nothing
"""
