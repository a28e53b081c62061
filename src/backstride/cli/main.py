"""The entry point. Decides whether this process is a daemon before anything heavy is imported.

`backstride run` stays in memory for weeks and wants neither Typer nor Rich in it (11 MB and 0.4 s on a
Raspberry Pi's worth of start), and nothing may keep `backstride rescue` from a belt; every other command is
gone in a second and wants to look good.
"""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code: see `exits.Exit`."""
    words = sys.argv[1:] if argv is None else argv
    if (start := _words_of("run", words)) is not None:
        from backstride.cli.run import main as run

        return run(start)
    if (left := _words_of("rescue", words)) is not None:
        from backstride.cli.rescue import main as rescue

        return rescue(left)
    from backstride.cli.app import main as app

    return app(words)


def _words_of(command: str, words: list[str]) -> list[str] | None:
    """The arguments of a command that is not Typer's, or None when it is another one."""
    debug = [word for word in words[:1] if word == "--debug"]
    rest = words[len(debug) :]
    return [*debug, *rest[1:]] if rest[:1] == [command] else None
