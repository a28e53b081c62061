"""`backstride demo --page`: the page beside the terminal, with nothing to set up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request

from backstride.cli.page import knock


def test_the_demo_serves_the_page_and_its_broker_speaks_to_browsers(tmp_path):
    words = ["demo", "--page", "--plain", "--factor", "8", "--output", str(tmp_path / "plot.svg")]
    with subprocess.Popen(
        [sys.executable, "-m", "backstride.cli", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = next(
                found[1] for line in process.stdout if (found := re.match(r"The page: (\S+)", line))
            )
            with urllib.request.urlopen(url, timeout=10) as page:
                assert b"<!doctype html>" in page.read()[:100]
            with urllib.request.urlopen(f"{url}config.json", timeout=10) as config:
                broker = json.load(config)["broker"]["url"]
            assert knock(broker) is None
        finally:
            process.terminate()
            process.stdout.read()
    assert process.returncode is not None
