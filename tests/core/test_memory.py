"""What is known of a machine that has no /proc."""

import os
import platform
from pathlib import Path

import pytest

from rnncli.core.environment import static_environment
from rnncli.core.memory import available_memory


@pytest.fixture(autouse=True)
def without_proc(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", missing)


def test_the_memory_there_is_is_all_that_the_machine_has():
    assert available_memory() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_the_processor_is_named_as_python_names_it():
    assert static_environment()["processor"] == (platform.processor() or None)
