"""The HTML report of many cases: its size, and how long a browser takes to paint it and to filter by a key.

python -m benchmarks.page RESULTS.jsonl [CASES]: a report of as many cases, made of those in a file by giving each
figure another value. Needs Chromium and playwright, as `make test-browser` does.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.screenshots import browser, missing
from rnncli.pipeline.merge import merged
from rnncli.report import renderer

MOST_BYTES, MOST_MS = 15e6, 1000.0
KEPT = ("config", "environment", "origin", "replay_config", "shapes", "parameters")

FILTERED = """(text) => new Promise((done) => {
  const search = document.querySelector("input[type=search]");
  search.value += text;
  const begun = performance.now();
  search.dispatchEvent(new Event("input"));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun), 0));
})"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
LOADED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def varied(value: Any, draw: random.Random) -> Any:
    """The same with other figures, which compress no better than measured ones."""
    if isinstance(value, float) and value:
        return value * draw.uniform(0.5, 2.0)
    if isinstance(value, list):
        return [varied(item, draw) for item in value]
    if isinstance(value, dict):
        return {name: item if name in KEPT else varied(item, draw) for name, item in value.items()}
    return value


def lines(cases: list[dict[str, Any]], count: int) -> Iterator[str]:
    """As many cases, made of these in turn."""
    draw = random.Random(0)
    for index in range(count):
        case = varied(cases[index % len(cases)], draw)
        case |= {"id": f"c{draw.getrandbits(36):09x}", "origin": {"config": "page", "index": index, "cases": count}}
        yield json.dumps(case) + "\n"


def main(results: Path, count: int) -> int:
    """Print what was measured; 1 where it is beyond what is allowed."""
    cases = [json.loads(line) for line in results.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        many, page = Path(folder) / "many.jsonl", Path(folder) / "page.html"
        many.write_text("".join(lines(cases, count)))
        with merged([many]) as record, page.open("w") as file:
            begun = time.perf_counter()
            file.writelines(renderer("html")(record))
        print(f"{count} cases, {page.stat().st_size / 1e6:.1f} MB, made in {time.perf_counter() - begun:.0f} s")
        with browser() as chromium:
            opened = chromium.new_page()
            opened.goto(page.as_uri())
            painted, loaded = opened.evaluate(PAINTED), opened.evaluate(LOADED)
            keys = [opened.evaluate(FILTERED, key) for key in "num_layers=2 grad"]
        slowest = max(keys)
        print(
            f"first paint {painted:.0f} ms, table ready {loaded:.0f} ms, slowest of {len(keys)} keys {slowest:.0f} ms"
        )
        return int(page.stat().st_size > MOST_BYTES or max(painted, slowest) > MOST_MS)


if __name__ == "__main__":
    if lacking := missing():
        sys.exit(lacking)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000))
