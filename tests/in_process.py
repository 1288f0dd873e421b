"""A user's candidate judged in the process of the tests, a fifth of what a process of its own costs.

For candidates that are harmless: those that are not, and a few others, run in a process of their own.
"""

import sys
import warnings
from typing import Self

import pytest
import torch

from rnncli.core.case import Case
from rnncli.pipeline.candidate_process import InProcessCandidate


class InProcess(InProcessCandidate):
    """Stand-in for `SubprocessCandidate`. What an import leaves in the interpreter goes when it is closed."""

    def __init__(self, case: Case, timeout_s: float, device: torch.device) -> None:  # noqa: ARG002
        super().__init__(None)

    def __enter__(self) -> Self:
        self._path, self._modules = list(sys.path), dict(sys.modules)
        self._warnings = warnings.catch_warnings(action="ignore")  # where candidates run, a warning is no error
        self._warnings.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._warnings.__exit__()
        sys.path[:] = self._path
        for name in set(sys.modules) - set(self._modules):
            if not name.startswith(("rnncli.", "torch.")):
                del sys.modules[name]


def judge_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge every candidate of one's own here, until the test is over."""
    monkeypatch.setattr("rnncli.pipeline.candidate_process.SubprocessCandidate", InProcess)
