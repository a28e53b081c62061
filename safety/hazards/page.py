"""SAFETY.md, and README's section, made from the hazards, the code and the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from textwrap import fill
from typing import Final

from safety.hazards.catalogue import ROOT, Catalogue, Hazard, source_of
from safety.hazards.coverage import Proof, count

PAGE: Final = ROOT / "SAFETY.md"
README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- made by `python -m safety.hazards`; edit safety/hazards.toml -->"
END: Final = "<!-- end of what is made -->"
GRAVEST: Final = ("H09", "H10", "H13", "H01")
"""What README says of the remainder: the belt that nobody can reach, and the people whom nobody sees."""
WIDTH: Final = 116
"""Of README's lines."""


def page(catalogue: Catalogue, proofs: tuple[Proof, ...]) -> str:
    """The whole of SAFETY.md."""
    counts = count(catalogue, proofs)
    return _fill(
        "safety.md",
        mark=BEGIN,
        table="".join(_table(catalogue.hazard, counts)).rstrip(),
        kinds="\n".join(f"| {kind} | {text} |" for kind, text in catalogue.meaning.items()),
        sections="".join(_section(hazard, counts[hazard.id]) for hazard in catalogue.hazard),
        weak="".join(_weak(catalogue.hazard)).rstrip(),
    )


def _fill(name: str, **parts: str) -> str:
    return Template(Path(__file__).with_name(name).read_text("utf-8")).substitute(parts)


def _table(hazards: Iterable[Hazard], counts: dict[str, Counter[str]]) -> Iterator[str]:
    yield "| | what could happen | tests |\n| --- | --- | --- |\n"
    for hazard in hazards:
        anchor = _anchor(f"{hazard.id} {hazard.title}")
        yield f"| [{hazard.id}](#{anchor}) | {hazard.title} | {_counted(counts[hazard.id])} |\n"


def _counted(kinds: Counter[str]) -> str:
    if not kinds:
        return "**none**"
    named = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{kind} {number}" for kind, number in named)


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def _section(hazard: Hazard, kinds: Counter[str]) -> str:
    parts = [f"\n### {hazard.id} {hazard.title}\n", _sentence(hazard.what)]
    if hazard.seen:
        parts.append(f"*Seen:* {_sentence(hazard.seen)}")
    parts.append(f"*Answer:* {_sentence(hazard.answer)}")
    if hazard.rules:
        parts.append(f"*Code:* {', '.join(_link(rule) for rule in hazard.rules)}.")
    parts.append(f"*Tests:* {_counted(kinds)}. {hazard.open}".rstrip())
    if hazard.weak:
        parts.append(f"*Weak:* {_sentence(hazard.weak)}")
    parts.append(f"**What remains:** {_sentence(hazard.residual)}")
    return (
        "\n\n".join(part.strip("\n") if at else part.rstrip("\n") for at, part in enumerate(parts))
        + "\n"
    )


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _link(rule: str) -> str:
    path = source_of(rule)
    short = rule.removeprefix("backstride.")
    return f"[`{short}`]({path})"


def _weak(hazards: Iterable[Hazard]) -> Iterator[str]:
    for hazard in hazards:
        for text in (hazard.open, hazard.weak):
            if text:
                yield f"- **{hazard.id}** {hazard.title}: {_sentence(text)}\n"


def remainder(catalogue: Catalogue) -> str:
    """README's section between the marks, and with them."""
    named = {hazard.id: hazard for hazard in catalogue.hazard}
    risks = [f"- **{named[each].title}.** {_sentence(named[each].residual)}" for each in GRAVEST]
    remains = "\n".join(
        fill(risk, WIDTH, subsequent_indent="  ", break_long_words=False) for risk in risks
    )
    section = _fill("readme.md", remains=remains, hazards=str(len(named)))
    return f"{BEGIN}\n{section}{END}"


def with_remainder(readme: str, section: str) -> str:
    """README with the section in its place.

    Raises:
        ValueError: README lacks the marks.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md lacks {BEGIN} or {END}")
    return before + section + after
