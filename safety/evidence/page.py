"""The evidence as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct, to_builtins

from safety.evidence.section import Section, number
from safety.hazards.catalogue import Catalogue


class Origin(Struct, frozen=True, kw_only=True):
    """What was tried: the commit, whether something was changed since, and on what."""

    commit: str
    changed: tuple[str, ...]
    at: str
    size: str
    host: str
    versions: dict[str, str]


def holds(sections: Sequence[Section]) -> bool:
    """Nothing that was run is below its bar. What was not run claims nothing."""
    return all(section.holds for section in sections if section.ran)


def markdown(origin: Origin, sections: Sequence[Section], catalogue: Catalogue) -> str:
    """The page for people."""
    began = (
        f"Backstride {origin.versions['backstride']}, commit `{origin.commit}`, {origin.at},"
        f" size `{origin.size}`, {origin.host}."
    )
    lines = ["# Evidence", "", began, ""]
    if origin.changed:
        files = len(origin.changed)
        lines += [f"**No release may claim this:** {files} files differ from the commit.", ""]
    if not holds(sections):
        failing = ", ".join(s.title for s in sections if s.ran and not s.holds)
        lines += [f"**Something is below its bar:** {failing}.", ""]
    lines += ["| proof | verdict | took |", "| --- | --- | ---: |"]
    lines += [f"| {s.title} | {_verdict(s)} | {_took(s)} |" for s in sections]
    lines += ["", "## What may be claimed", ""]
    lines += [f"- **{s.title}.** {s.claim}" for s in sections if s.holds]
    missing = [s for s in sections if not s.ran]
    if missing:
        lines += ["", "## Not run, so nothing is claimed", ""]
        lines += [f"- **{s.title}**: not run: {s.reason} (`{s.command}`)" for s in missing]
    for section in sections:
        if section.ran and not section.holds:
            lines += ["", f"## Below its bar: {section.title}", ""]
            lines += [f"- {bar.sentence()}" for bar in section.bars if not bar.holds]
            lines += [f"- {sentence}" for sentence in section.broken]
    lines += ["", "## Bars", "", "| proof | figure |", "| --- | --- |"]
    lines += [
        f"| {s.title} | {'' if bar.holds else '**below:** '}{bar.sentence()} |"
        for s in sections
        for bar in s.bars
    ]
    lines += ["", "## What remains", ""]
    lines += [f"- **{hazard.id}** {hazard.title}: {hazard.residual}" for hazard in catalogue.hazard]
    weak = [hazard for hazard in catalogue.hazard if hazard.weak or hazard.open]
    lines += ["", "Proven less than we would like:", ""]
    lines += [f"- **{hazard.id}** {f'{hazard.open} {hazard.weak}'.strip()}" for hazard in weak]
    lines += ["", "## Versions and commands", ""]
    lines += [f"- {name} {version}" for name, version in origin.versions.items()]
    lines += [f"- `{s.command}`" for s in sections if s.ran]
    return "\n".join(lines) + "\n"


def _verdict(section: Section) -> str:
    if section.ran:
        return section.verdict
    return f"not run: {section.reason}"


def _took(section: Section) -> str:
    return f"{number(round(section.seconds))} s" if section.ran else ""


def as_json(origin: Origin, sections: Sequence[Section], catalogue: Catalogue) -> str:
    """The same for programs."""
    told = {
        "origin": to_builtins(origin),
        "holds": holds(sections),
        "complete": all(section.ran for section in sections),
        "sections": [
            {
                **to_builtins(section),
                "verdict": section.verdict,
                "bars": [{**to_builtins(bar), "holds": bar.holds} for bar in section.bars],
            }
            for section in sections
        ],
        "residual_risks": {hazard.id: hazard.residual for hazard in catalogue.hazard},
        "weak": {hazard.id: hazard.weak for hazard in catalogue.hazard if hazard.weak},
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"
