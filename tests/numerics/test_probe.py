"""The values a case is checked with."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncli.core.case import Case
from rnncli.numerics.probe import (
    draw,
    equal_sizes,
    first_sequence,
    in_layout,
    of_first_sequence,
    packer,
    shortened,
    time_first,
    without_states,
)
from rnncli.verdict.evaluate import evaluate, reference_side

CPU = torch.device("cpu")
LAYOUTS = {
    "time-first": ({}, {"seq_len": 6, "batch_size": 4}),
    "batch-first": ({"batch_first": True}, {"seq_len": 6, "batch_size": 4}),
    "unbatched": ({}, {"layout": "unbatched", "seq_len": 6}),
    "packed": ({}, {"layout": "packed", "lengths": [3, 6, 1, 6]}),
    "packed, shorter than seq_len": ({}, {"layout": "packed", "lengths": [3, 4, 1], "batch_size": 3, "seq_len": 6}),
}


def in_layout_of(layout, **given):
    rnn, input = LAYOUTS[layout]
    sizes = {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True}
    return Case.model_validate({"rnn": sizes | rnn, "input": input | given})


def computed(case, probe):
    return evaluate(reference_side(case, probe), case).tensors


def by_torch(case, sequence):
    """The sequence as (L, N, features), by torch's own means."""
    if case.input.layout == "packed":
        return pad_packed_sequence(packer(case, CPU)(sequence))[0]
    if case.input.layout == "unbatched":
        return sequence[:, None]
    return sequence.transpose(0, 1) if case.rnn.batch_first else sequence


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


@pytest.mark.parametrize("layout", LAYOUTS)
def test_time_first_is_what_torch_pads_and_transposes_to(layout):
    case = in_layout_of(layout)
    sequence = draw(case).input
    assert torch.equal(time_first(case, sequence), by_torch(case, sequence))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_layout_is_the_inverse_of_time_first(layout):
    case = in_layout_of(layout)
    sequence = draw(case).input
    assert torch.equal(in_layout(case, time_first(case, sequence)), sequence)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_layout_leaves_the_axes_in_front_alone(layout):
    case = in_layout_of(layout)
    sequence = draw(case).input
    x = time_first(case, sequence)
    both = in_layout(case, torch.stack([x, 2 * x]))
    assert torch.equal(both, torch.stack([sequence, 2 * sequence]))


@pytest.mark.parametrize("lengths", [[3, 5, 1, 4], [5, 5, 5], [1], [2, 2, 7, 1, 7]], ids=str)
def test_a_padded_input_is_laid_out_as_pack_padded_sequence_packs_it(lengths):
    case = Case.model_validate({"rnn": {"input_size": 3}, "input": {"layout": "packed", "lengths": lengths}})
    padded = torch.randn(max(lengths), len(lengths), 3, generator=torch.Generator().manual_seed(0))
    packed = pack_padded_sequence(padded, torch.tensor(lengths), enforce_sorted=False)
    again = packer(case, CPU)(in_layout(case, padded))
    assert torch.equal(pad_packed_sequence(again)[0], pad_packed_sequence(packed)[0])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("steps", [1, 3, 6])
def test_a_shortened_case_has_the_first_steps_of_input_and_cotangent_and_all_else(layout, steps):
    case = in_layout_of(layout)
    probe = draw(case)
    shorter, cut = shortened(case, probe, steps)
    for whole, part in ((probe.input, cut.input), (probe.cotangents["output"], cut.cotangents["output"])):
        assert torch.equal(time_first(shorter, part), time_first(case, whole)[:steps])
    assert shorter.input.seq_len == steps
    assert cut.parameters is probe.parameters
    assert cut.h_0 is probe.h_0
    assert cut.cotangents["h_n"] is probe.cotangents["h_n"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("steps", [1, 3])
def test_the_forward_direction_computes_on_a_shortened_case_what_it_does_on_the_whole(layout, steps):
    case = in_layout_of(layout)
    case = case.model_copy(update={"rnn": case.rnn.model_copy(update={"bidirectional": False})})
    probe = draw(case)
    shorter, cut = shortened(case, probe, steps)
    whole, part = computed(case, probe)["output"], computed(shorter, cut)["output"]
    assert torch.allclose(time_first(shorter, part), time_first(case, whole)[:steps], atol=1e-14)


def test_a_shortened_sequence_is_no_longer_than_it_was():
    shorter, _ = shortened(*with_its_probe(in_layout_of("packed")), 3)
    assert shorter.input.sequence_lengths == (3, 3, 1, 3)


def with_its_probe(case):
    return case, draw(case)


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "unbatched"])
def test_the_first_sequence_alone_gives_what_it_gives_in_the_batch(layout):
    case, probe = with_its_probe(in_layout_of(layout))
    alone, cut = first_sequence(case, probe)
    assert alone.input.batch_size == 1
    in_batch, by_itself = computed(case, probe), computed(alone, cut)
    assert torch.allclose(by_itself["h_n"], in_batch["h_n"][:, :1], atol=1e-14)
    length = 3 if case.input.layout == "packed" else 6
    expected = time_first(case, in_batch["output"])[:length, :1]
    assert torch.allclose(time_first(alone, by_itself["output"]), expected, atol=1e-14)
    expected = time_first(case, in_batch["grad input"])[:length, :1]
    assert torch.allclose(time_first(alone, by_itself["grad input"]), expected, atol=1e-14)


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "unbatched"])
def test_the_values_of_the_first_sequence_are_cut_from_those_of_the_batch(layout):
    case, probe = with_its_probe(in_layout_of(layout))
    alone, cut = first_sequence(case, probe)
    by_itself = computed(alone, cut)
    values = of_first_sequence(case, alone, computed(case, probe))
    assert set(values) == {"output", "h_n"}
    for name, value in values.items():
        assert value.shape == by_itself[name].shape
        assert torch.allclose(value, by_itself[name], atol=1e-14)


def test_without_h_0_it_is_left_out_and_nothing_else_changes():
    case, probe = with_its_probe(in_layout_of("time-first"))
    other, cut = without_states(case, probe)
    assert (other.input.h_0, cut.h_0) == ("omitted", None)
    assert cut.input is probe.input
    assert cut.parameters is probe.parameters


@pytest.mark.parametrize("layout", LAYOUTS)
def test_where_sizes_are_equal_a_transposed_axis_or_weight_fits(layout):
    for case in equal_sizes(in_layout_of(layout)):
        assert case.rnn.input_size in (case.rnn.hidden_size, case.rnn.directions * case.rnn.hidden_size)
        assert case.input.seq_len == case.input.batch_size
        assert computed(*with_its_probe(case))["output"] is not None


def test_sizes_are_equal_with_all_layers_then_those_of_each_layer_s_input_then_with_one_layer_alone():
    cases = list(equal_sizes(in_layout_of("time-first")))
    assert [(case.rnn.num_layers, case.rnn.input_size) for case in cases] == [(2, 4), (2, 8), (1, 4)]


def test_a_probe_is_the_same_object_where_it_lies_as_asked_and_rounded_where_not():
    probe = draw(Case())
    assert probe.to(torch.float64, CPU) is probe
    rounded = probe.to(torch.bfloat16, CPU)
    assert all(torch.equal(rounded.leaves[name], value.bfloat16()) for name, value in probe.leaves.items())


@pytest.mark.parametrize(("h_0", "first"), [("random", ["input", "h_0"]), ("omitted", ["input"])])
def test_the_leaves_are_all_that_goes_in(h_0, first):
    probe = draw(Case.model_validate({"input": {"h_0": h_0}}))
    assert list(probe.leaves) == [*first, *probe.parameters]


def test_another_attempt_is_another_probe_of_the_same_case():
    inputs = [draw(Case(), attempt).input for attempt in range(3)]
    assert not any(torch.equal(inputs[one], inputs[other]) for one, other in ((0, 1), (0, 2), (1, 2)))
