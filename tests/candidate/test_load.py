"""The one form in which everything else calls a candidate."""

import pytest
import torch

from rnncli.candidate.load import canonical
from rnncli.candidate.native import _with_arrays
from rnncli.candidate.weights import Missing
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError


def test_a_value_that_a_call_lacks_is_no_raise_of_the_candidate():
    def lacking(*_):
        raise Missing("weight_hh_l1, as the case has none")

    with pytest.raises(CandidateError, match=r"^candidate own: its call lacks weight_hh_l1, as the case has none$"):
        canonical("own", lacking)(None, None, {}, Case())


def test_a_list_that_holds_itself_is_looked_at_no_deeper_than_output_has_axes():
    held = []
    held.append(held)
    assert _with_arrays(held, torch.float64) is held
