"""The values a case is checked with."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncli.case import Case
from rnncli.parity.probe import draw, packer


def test_the_same_seed_gives_the_same_probe_and_another_seed_another():
    first, again = draw(Case()), draw(Case())
    other = draw(Case.model_validate({"run": {"seed": 1}}))
    assert torch.equal(first.input, again.input)
    assert not torch.equal(first.input, other.input)


def test_weights_fill_the_range_of_nn_rnn_s_initialisation_times_the_scale():
    case = Case.model_validate({"rnn": {"hidden_size": 64}, "run": {"weight_scale": 3.0}})
    weight = draw(case).parameters["weight_hh_l0"]
    assert 0.99 * 3 / 8 < weight.abs().max() <= 3 / 8


@pytest.mark.parametrize("lengths", [[3, 5, 1, 4], [5, 5, 5], [1], [2, 2, 7, 1, 7]], ids=str)
def test_a_packed_input_is_what_pack_padded_sequence_gives(lengths):
    case = Case.model_validate({"rnn": {"input_size": 3}, "input": {"layout": "packed", "lengths": lengths}})
    packed = packer(case, torch.device("cpu"))(draw(case).input)
    padded, seen_lengths = pad_packed_sequence(packed)
    assert seen_lengths.tolist() == lengths
    expected = pack_padded_sequence(padded, torch.tensor(lengths), enforce_sorted=False)
    assert torch.equal(packed.batch_sizes, expected.batch_sizes)
    assert torch.equal(pad_packed_sequence(expected)[0], padded)


@pytest.mark.parametrize(("seq_len", "batch_size"), [(5, 10), (1, 1), (1, 4), (9, 1), (2, 2), (7, 3)])
def test_lengths_by_rule_fit_and_reach_the_whole_sequence(seq_len, batch_size):
    given = {"seq_len": seq_len, "batch_size": batch_size, "layout": "packed"}
    lengths = Case.model_validate({"input": given}).input.sequence_lengths
    assert len(lengths) == batch_size
    assert max(lengths) == seq_len
    assert min(lengths) >= 1


def test_lengths_by_rule_are_in_no_order():
    lengths = Case.model_validate({"input": {"layout": "packed"}}).input.sequence_lengths
    assert list(lengths) != sorted(lengths, reverse=True)


def test_h_0_is_random_zeros_or_left_out():
    random, zeros, omitted = (
        draw(Case.model_validate({"input": {"h_0": h_0}})).h_0 for h_0 in ("random", "zeros", "omitted")
    )
    assert random.abs().min() > 0
    assert zeros.abs().max() == 0
    assert omitted is None


def test_cotangents_are_random_on_both_outputs():
    cotangents = draw(Case()).cotangents
    assert set(cotangents) == {"output", "h_n"}
    assert all(0.8 < value.std() < 1.2 for value in cotangents.values())
