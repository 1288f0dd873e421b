"""The two levels of the suite: the fast one runs a sample of the exhaustive tests, and `--exhaustive` all of them.

`@pytest.mark.exhaustive(twin=..., pool=..., sample=...)` holds a test back. `twin` names the fast test that guards the
same rule, `pool` the tests that share one sample (the parameters of one test function unless it is given), and `sample`
the number of tests that each pool contributes to the fast level.
"""

import hashlib
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rnncli import __version__

SEED_VARIABLE = "RNNCLI_SAMPLE_SEED"
SAMPLE = 1  # tests of a pool that the fast level runs
ROOT = Path(__file__).parent.parent


def one_in(part: int, values: Iterable[Any], twin: str, sample: int = SAMPLE, **pool: str) -> list[Any]:
    """Return parameters for `parametrize`, of which the fast level runs one in `part`, and a sample of the others.

    `pool="long"` draws from all tests that take more than a second each, and not from these parameters alone.
    """
    held = pytest.mark.exhaustive(twin=twin, sample=sample, **pool)
    rows = (value if isinstance(value, tuple) else (value,) for value in values)
    return [pytest.param(*row, marks=[held] if number % part else []) for number, row in enumerate(rows)]


def seed_of_the_sample(given: str | None = None) -> str:
    """Return the seed: the one given, that of the environment, the commit, or outside of git the version."""
    if given or (given := os.environ.get(SEED_VARIABLE)):
        return given
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return __version__
    return ended.stdout.strip()


def sample(names: Sequence[str], count: int, seed: str) -> list[str]:
    """Return `count` of the names, in their order. A name's place in the draw depends on the seed and itself alone."""
    drawn = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:count]
    return [name for name in names if name in set(drawn)]


def held_back(items: Sequence[pytest.Item], seed: str) -> list[pytest.Item]:
    """Return the exhaustive tests that are not in the sample."""
    pools: dict[str, list[pytest.Item]] = defaultdict(list)
    sizes: dict[str, int] = {}
    for item in items:
        if mark := item.get_closest_marker("exhaustive"):
            pool = mark.kwargs.get("pool") or item.nodeid.partition("[")[0]
            pools[pool].append(item)
            sizes[pool] = max(sizes.get(pool, 0), mark.kwargs.get("sample", SAMPLE))
    left = []
    for pool, members in pools.items():
        drawn = set(sample([item.nodeid for item in members], sizes[pool], seed))
        left += [item for item in members if item.nodeid not in drawn]
    return left
