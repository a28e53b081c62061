"""What people read promises nothing about their bodies: no muscles, no health, and never that it "is safe".

The sources contradict each other about muscles, and nobody has counted falls: so nothing is said.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ = [
    "README.md",
    "CHANGELOG.md",
    "docs/*.md",
    "profiles/**/*.yaml",
    "src/backstride/web/i18n/*.js",
    "src/backstride/web/js/**/*.js",
    "src/backstride/locale/*/LC_MESSAGES/*.po",
    "src/backstride/cli/*.py",
    "src/backstride/domain/*.py",
    "src/backstride/service/*.py",
    "integrations/**/*.md",
    "integrations/**/*.yaml",
]
CLAIMS = re.compile(
    r"muscle|muskel|músculo|quadricep|hamstring|\bglutes?\b|strengthen|rehabilit|\bcures?\b|healthier"
    r"|burns? (?:more )?(?:fat|calories)|weight loss|los(?:e|ing) weight|good for (?:you|your)\b"
    r"|improves? (?:your )?(?:balance|posture|health)|(?:walk|walking|it) is (?:\w+ )?safe\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("pattern", READ)
def test_nothing_that_people_read_claims_anything_about_muscles_health_or_safety(pattern):
    found = []
    for path in sorted(ROOT.glob(pattern)):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if CLAIMS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert [] == found


def test_what_would_be_a_claim_is_found():
    claims = [
        "Burns more calories!",
        "strengthens the calves",
        "backward walking is safe",
        "MUSKEL",
    ]
    assert claims == [claim for claim in claims if CLAIMS.search(claim)]
