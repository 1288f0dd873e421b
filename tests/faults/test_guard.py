"""A tensor made on the CPU whatever the input's device, found without a GPU."""

# ruff: noqa: ARG001, ARG004  every candidate takes all that a candidate takes

import inspect
import itertools
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnncli.candidate.load import canonical, load
from rnncli.core.case import Case
from rnncli.faults.device_guard import Finding, check_devices
from rnncli.faults.planted import plant
from rnncli.manual import BUILT_IN
from rnncli.numerics.probe import draw
from rnncli.verdict.evaluate import candidate_side, evaluate, reference_side

LAYOUTS = {
    "time-first": {},
    "batch-first": {},
    "unbatched": {"layout": "unbatched"},
    "packed": {"layout": "packed", "lengths": [2, 5, 3]},
}


def case_of(layout="time-first", *, h_0="random", train=False, gradients=True, candidate="manual", dtype=None, **rnn):
    rnn = {"input_size": 7, "hidden_size": 6, "batch_first": layout == "batch-first", **rnn}
    sizes = {"seq_len": 5, "batch_size": 3, "h_0": h_0, **LAYOUTS[layout]}
    run = {"train": train, "gradients": gradients, "dtype": dtype or "float32"}
    return Case.model_validate({"rnn": rnn, "input": sizes, "run": run, "candidate": candidate})


CASE = case_of()
PACKED = case_of("packed")


def test_the_built_ins_are_clean():
    arguments = itertools.cycle(itertools.product(("tanh", "relu"), ("random", "omitted", "zeros"), (False, True)))
    for candidate, layout, bidirectional in itertools.product(BUILT_IN, LAYOUTS, (False, True)):
        nonlinearity, h_0, train = next(arguments)
        case = case_of(
            layout,
            candidate=candidate,
            h_0=h_0,
            train=train,
            num_layers=2,
            dropout=0.4,
            bidirectional=bidirectional,
            nonlinearity=nonlinearity,
            bias=candidate != "concat",
        )
        assert check_devices(load(case), case) == Finding("clean"), case.config


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_every_dtype_is_clean(dtype):
    assert check_devices(load(CASE), case_of(dtype=dtype)) == Finding("clean")


def test_an_empty_batch_and_a_forward_alone_are_clean():
    empty = CASE.model_copy(update={"input": CASE.input.model_copy(update={"batch_size": 0})})
    for case in (empty, case_of(gradients=False)):
        assert check_devices(load(case), case) == Finding("clean")
    assert check_devices(zeros_to_start_from, empty).status == "found"


# What is found. Each candidate is the plain recurrence of one layer with one tensor on the CPU; `# <- op` marks the
# line, `# <- made` the one where the tensor is made.


def weights(params):
    return [params[name] for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]


def step(x_t, h, params):
    weight_ih, weight_hh, bias_ih, bias_hh = weights(params)
    return torch.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)


def first_state(x, h_0, params):
    return x.new_zeros(x.shape[1], params["weight_hh_l0"].shape[0]) if h_0 is None else h_0[0]


def states(x, h_0, params):
    h, kept = first_state(x, h_0, params), []
    for x_t in x.unbind(0):
        h = step(x_t, h, params)
        kept.append(h)
    return kept


def zeros_to_start_from(x, h_0, params, case):
    h, kept = torch.zeros(x.shape[1], case.rnn.hidden_size), []  # <- made
    for x_t in x.unbind(0):
        h = h @ params["weight_hh_l0"].T + x_t @ params["weight_ih_l0"].T  # <- op
        kept.append(h)
    return torch.stack(kept), h[None]


def zeros_where_h_0_is_omitted(x, h_0, params, case):
    if h_0 is None:
        h_0 = torch.zeros(1, x.shape[1], case.rnn.hidden_size)  # <- made
    h = torch.tanh(x[0] @ params["weight_ih_l0"].T + h_0[0])  # <- op
    return h.expand(len(x), -1, -1), h[None]


def output_buffer(x, h_0, params, case):
    output = torch.zeros(*x.shape[:2], case.rnn.hidden_size)  # <- made # <- op
    for t, h in enumerate(states(x, h_0, params)):
        output[t] = h
    return output, h[None]


def output_buffer_that_takes_a_scalar(x, h_0, params, case):
    kept = states(x, h_0, params)
    output = torch.zeros(*x.shape[:2], case.rnn.hidden_size)  # <- made # <- op
    output.fill_(kept[0].detach().sum())
    return output, kept[-1][None]


def final_state_on_the_cpu(x, h_0, params, case):
    kept = states(x, h_0, params)
    return torch.stack(kept), kept[-1][None].cpu()  # <- made # <- op


def buffer_read_back(x, h_0, params, case):
    kept = torch.empty(*x.shape[:2], case.rnn.hidden_size)  # <- made
    for t, h in enumerate(states(x, h_0, params)):
        kept[t] = h
    return x.sum() + kept, h[None]  # <- op


def stacked_weights(x, h_0, params, case):
    both = torch.empty(2, case.rnn.hidden_size, case.rnn.hidden_size)  # <- made
    both[0] = params["weight_hh_l0"]
    h = first_state(x, h_0, params)
    h = h @ both[0].T  # <- op
    return h.expand(len(x), -1, -1), h[None]


EYE = torch.eye(6)


def constant_matrix(x, h_0, params, case):
    h = F.linear(first_state(x, h_0, params), EYE)  # <- op
    return h.expand(len(x), -1, -1), h[None]


def buffer_among_the_stacked(x, h_0, params, case):
    kept = states(x, h_0, params)
    kept[0] = torch.zeros(kept[0].shape)  # <- made
    return torch.stack(kept), kept[-1][None]  # <- op


def empty_tensor_to_append_to(x, h_0, params, case):
    output = torch.tensor([])  # <- made
    for h in states(x, h_0, params):
        output = torch.cat([output, h[None]])  # <- op
    return output, h[None]


def dropout_mask(x, h_0, params, case):
    mask = torch.bernoulli(torch.full(x.shape, 0.5))  # <- made
    kept = states(x * mask, h_0, params)  # <- op
    return torch.stack(kept), kept[-1][None]


def boolean_mask(x, h_0, params, case):
    mask = torch.arange(len(x)) < 4  # <- made
    kept = states(torch.where(mask[:, None, None], x, 0.0), h_0, params)  # <- op
    return torch.stack(kept), kept[-1][None]


def mask_to_fill(x, h_0, params, case):
    kept = states(x.masked_fill(torch.zeros(x.shape, dtype=torch.bool), 0.0), h_0, params)  # <- made # <- op
    return torch.stack(kept), kept[-1][None]


def index_to_select(x, h_0, params, case):
    order = torch.arange(len(x))  # <- made
    kept = states(x.index_select(0, order), h_0, params)  # <- op
    return torch.stack(kept), kept[-1][None]


def number_as_an_index(x, h_0, params, case):
    first = torch.tensor(0)  # <- made
    kept = states(x.index_select(0, first), h_0, params)  # <- op
    return torch.stack(kept * len(x)), kept[-1][None]


def number_among_the_stacked(x, h_0, params, case):
    kept = states(x, h_0, params)
    total = torch.stack([torch.tensor(0.0), kept[0].sum()]).sum()  # <- made # <- op
    return torch.stack(kept) + total, kept[-1][None]


def index_on_the_device_into_a_buffer(x, h_0, params, case):
    kept = states(x, h_0, params)
    buffer = torch.zeros(5, 3)  # <- made
    return torch.stack(kept), kept[-1][None] + buffer[torch.arange(3, device=x.device)].sum()  # <- op


def values_put_at_an_index(x, h_0, params, case):
    output = torch.stack(states(x, h_0, params))
    output[torch.tensor([0, 1])] = torch.zeros(2, *output.shape[1:])  # <- made # <- op
    return output, output[-1:]


def sum_written_to_a_number(x, h_0, params, case):
    total = torch.tensor(0.0)  # <- made
    for h in states(x, h_0, params):
        total += h.sum()  # <- op
    return h.expand(len(x), -1, -1) + total, h[None]


def result_written_out(x, h_0, params, case):
    out = torch.empty(x.shape[1], case.rnn.hidden_size)  # <- made
    h = torch.mm(x[0].detach(), params["weight_ih_l0"].detach().T, out=out)  # <- op
    return h.expand(len(x), -1, -1), h[None]


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        scale = torch.full(gradient.shape, 2.0)
        return gradient * scale


class LostItsDevice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        return torch.zeros(gradient.shape)


def buffer_in_the_backward(x, h_0, params, case):
    kept = states(Doubled.apply(x), h_0, params)
    return torch.stack(kept), kept[-1][None]


def gradient_on_the_cpu(x, h_0, params, case):
    kept = states(LostItsDevice.apply(x), h_0, params)
    return torch.stack(kept), kept[-1][None]


class Module(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.rnn = nn.RNNCell(case.rnn.input_size, case.rnn.hidden_size)
        self.start = torch.zeros(1, case.rnn.hidden_size)
        self.register_buffer("honest_start", torch.zeros(1, case.rnn.hidden_size))

    def forward(self, x, honest):
        h, kept = (self.honest_start if honest else self.start), []
        for x_t in x:
            h = self.rnn(x_t, h.expand(x.shape[1], -1))
            kept.append(h)
        return torch.stack(kept), h[None]


def called_as_module(honest):
    def candidate(x, h_0, params, case):
        module = Module(case).to(x.device)
        renamed = {f"rnn.{name.removesuffix('_l0')}": value for name, value in params.items()}
        return functional_call(module, renamed, (x, honest))

    return candidate


def packed_mask(packed, h_0, params, case):
    x, lengths = pad_packed_sequence(packed)
    valid = torch.arange(len(x))[:, None] < lengths  # (L, N)  # <- made
    kept = states(x * valid[..., None], h_0, params)  # <- op
    return pack_padded_sequence(torch.stack(kept), lengths, enforce_sorted=False), kept[-1][None]


def packed_lengths_on_the_device(packed, h_0, params, case):
    x, lengths = pad_packed_sequence(packed)
    kept = states(x, h_0, params)
    output = pack_padded_sequence(torch.stack(kept), lengths.to(x.device), enforce_sorted=False)  # <- op
    return output, kept[-1][None]


def packed_batch_sizes_on_the_device(packed, h_0, params, case):
    kept = states(packed.data[None], packed.data.new_zeros(1, len(packed.data), case.rnn.hidden_size), params)
    batch_sizes = packed.batch_sizes.to(packed.data.device)
    output = PackedSequence(kept[0], batch_sizes, packed.sorted_indices, packed.unsorted_indices)  # <- op
    return output, h_0


def packed_rows_on_the_cpu(packed, h_0, params, case):
    data = torch.zeros(len(packed.data), case.rnn.hidden_size)  # <- made # <- op
    return packed._replace(data=data), torch.stack([packed.data.new_zeros(3, 6)])


FOUND = {
    zeros_to_start_from: "mm",
    output_buffer: "output",
    output_buffer_that_takes_a_scalar: "output",
    final_state_on_the_cpu: "h_n",
    buffer_read_back: "add",
    stacked_weights: "mm",
    constant_matrix: "mm",
    buffer_among_the_stacked: "stack",
    empty_tensor_to_append_to: "cat",
    dropout_mask: "mul",
    boolean_mask: "where",
    mask_to_fill: "masked_fill",
    index_to_select: "index_select",
    number_as_an_index: "index_select",
    number_among_the_stacked: "stack",
    index_on_the_device_into_a_buffer: "index",
    values_put_at_an_index: "index_put_",
    sum_written_to_a_number: "add_",
    result_written_out: "mm",
    zeros_where_h_0_is_omitted: "add",
    packed_mask: "mul",
    packed_lengths_on_the_device: "pack_padded_sequence",
    packed_batch_sizes_on_the_device: "PackedSequence",
    packed_rows_on_the_cpu: "output",
}


def marked(function, mark):
    """The line of the function with a mark, as file:line."""
    lines, start = inspect.getsourcelines(function)
    numbers = [number for number, line in enumerate(lines, start) if mark in line]
    return f"{inspect.getsourcefile(function)}:{numbers[0]}" if numbers else None


def same_line(shown, full):
    return (shown is None) == (full is None) and (shown is None or full.endswith(shown))


@pytest.mark.parametrize("candidate", FOUND, ids=lambda candidate: candidate.__name__)
def test_a_tensor_on_the_cpu_is_found_with_its_operation_and_line(candidate):
    case = PACKED if candidate.__name__.startswith("packed") else CASE
    finding = check_devices(candidate, case)
    assert (finding.status, finding.operation) == ("found", FOUND[candidate])
    assert same_line(finding.line, marked(candidate, "# <- op"))
    assert same_line(finding.made_at, marked(candidate, "# <- made"))
    assert finding.line in finding.reason
    assert ("h_0 omitted" in finding.reason) == (candidate is zeros_where_h_0_is_omitted)


@pytest.mark.parametrize("candidate", [*FOUND], ids=lambda candidate: candidate.__name__)
def test_what_is_found_runs_on_the_cpu(candidate):
    """So that it is the device that is found, and no other mistake of these candidates."""
    case = PACKED if candidate.__name__.startswith("packed") else CASE
    side = candidate_side(candidate, case, draw(case).to(torch.float32, torch.device("cpu")))
    output = side.forward()["output"]
    assert isinstance(output, PackedSequence) == (case is PACKED)


@pytest.mark.parametrize(
    ("candidate", "operation", "line"),
    [
        (buffer_in_the_backward, "mul", "return gradient * scale"),
        (gradient_on_the_cpu, "gradient", "return torch.zeros"),
    ],
    ids=["buffer", "gradient"],
)
def test_a_tensor_on_the_cpu_in_the_backward_is_found(candidate, operation, line):
    finding = check_devices(candidate, CASE)
    function = Doubled if operation == "mul" else LostItsDevice
    assert (finding.status, finding.operation) == ("found", operation)
    assert same_line(finding.line, marked(function, line))
    assert check_devices(candidate, case_of(gradients=False)) == Finding("clean")


def test_a_module_s_attribute_is_found_and_its_buffer_is_clean():
    finding = check_devices(called_as_module(honest=False), CASE)
    assert (finding.status, finding.operation) == ("found", "addmm")
    assert same_line(finding.line, marked(Module, "h = self.rnn"))
    assert check_devices(called_as_module(honest=True), CASE) == Finding("clean")


def test_the_planted_fault_is_found_in_every_layout():
    for layout in LAYOUTS:
        case = case_of(layout, num_layers=2, bidirectional=True)
        finding = check_devices(plant("device-hardcoded"), case)
        assert (finding.status, finding.operation) == ("found", "add")
        assert "equations.py" in finding.line
        assert check_devices(plant(), case) == Finding("clean")


def test_a_failure_wrapped_by_the_loader_is_found():
    finding = check_devices(canonical("mine", zeros_to_start_from), CASE)
    assert finding == check_devices(zeros_to_start_from, CASE)


@pytest.mark.parametrize(
    "message", ["Expected all tensors to be on the same device, but found cpu and meta", None], ids=["words", "thread"]
)
def test_what_torch_itself_refuses_is_found(message):
    """A kernel of one's own, and a thread, which no mode reaches: torch's words are all there is."""

    def candidate(x, h_0, params, case):
        if message:
            raise RuntimeError(message)
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(lambda: x + torch.zeros(x.shape)).result(), h_0

    finding = check_devices(candidate, CASE)
    assert (finding.status, finding.operation) == ("found", None)
    assert same_line(finding.line, marked(candidate, "raise" if message else "torch.zeros(x.shape)"))


def test_the_lines_told_are_the_candidate_s_own():
    finding = check_devices(canonical("mine", lambda *_: None), CASE)
    assert (finding.status, finding.line) == ("not-comparable", None)
    assert finding.reason == ("it raises CandidateError: candidate mine: returned NoneType; expected (output, h_n)")
    of_torch = {"__name__": "torch.planted", "torch": torch}
    exec("def candidate(x, h_0, params, case): return x + torch.zeros(x.shape), h_0", of_torch)
    finding = check_devices(of_torch["candidate"], CASE)
    assert (finding.operation, finding.line, finding.made_at) == ("add", None, None)
    assert finding.reason == "add takes a tensor on cpu and one on the input's device"


# What CUDA takes


def honest_new_zeros(x, h_0, params, case):
    kept = states(x, x.new_zeros(1, x.shape[1], case.rnn.hidden_size), params)
    return torch.stack(kept), kept[-1][None]


def honest_zeros_like(x, h_0, params, case):
    kept = states(x, torch.zeros_like(x[:1, :, :6]), params)
    return torch.stack(kept), kept[-1][None]


def honest_device_argument(x, h_0, params, case):
    output = torch.zeros(*x.shape[:2], case.rnn.hidden_size, device=x.device, dtype=x.dtype)
    for t, h in enumerate(states(x, h_0, params)):
        output[t] = h
    return output, h[None]


def honest_constants(x, h_0, params, case):
    half, mask = torch.tensor(0.5), torch.tensor(True)
    kept = states(torch.where(mask, x * half, half).clamp(max=torch.tensor(9.0)), h_0, params)
    return torch.stack(kept) + 1, kept[-1][None] + half * 2.0


def honest_copy_of_a_buffer(x, h_0, params, case):
    start = torch.zeros(1, x.shape[1], case.rnn.hidden_size).to(x)
    kept = states(x + torch.linspace(0, 1, len(x)).to(x.device)[:, None, None], start, params)
    return torch.stack(kept), kept[-1][None]


def honest_indices(x, h_0, params, case):
    backwards = torch.arange(len(x) - 1, -1, -1)
    output = torch.stack(states(x[backwards], h_0, params))
    output = output[backwards.tolist()][torch.ones(len(x), dtype=torch.bool)]
    rows = torch.zeros_like(output)
    rows[torch.arange(len(x)), 0] = output[:, 0]
    rows[torch.tensor([True] + [False] * (len(x) - 1))] = torch.tensor(2.0)
    return output + rows.index_put((torch.tensor([0]),), torch.tensor(1.0)), output[:1]


def honest_offloading(x, h_0, params, case):
    """Kept on the CPU, and brought back before they are returned: slow, and it runs."""
    kept = [h.cpu() for h in states(x, h_0, params)]
    buffer = torch.empty(len(x), *kept[0].shape)
    for t, h in enumerate(kept):
        buffer[t] = h * 2
    return buffer.to(x.device), kept[-1][None].to(x.device)


def honest_read_of_a_size(x, h_0, params, case):
    last = int(torch.arange(len(x)).max())
    kept = states(x, h_0, params)
    return torch.stack(kept), kept[last][None]


def honest_in_place(x, h_0, params, case):
    kept = states(x.mul_(2.0), h_0.add_(1.0) if h_0 is not None else None, params)
    return torch.stack(kept), kept[-1][None]


def honest_second_try(x, h_0, params, case):
    """The error of the first try is caught, on CUDA as here."""
    try:
        x = x + torch.zeros(x.shape)
    except RuntimeError:
        x = x + torch.zeros(x.shape, device=x.device)
    kept = states(x, h_0, params)
    return torch.stack(kept), kept[-1][None]


def honest_nn_rnn(x, h_0, params, case):
    module = nn.RNN(case.rnn.input_size, case.rnn.hidden_size, device=x.device)
    return functional_call(module, dict(params), (x, h_0))


def packed_honest(packed, h_0, params, case):
    x, lengths = pad_packed_sequence(packed)
    kept = states(x, h_0, params)
    h_n = torch.stack([kept[length - 1][n] for n, length in enumerate(lengths.tolist())])
    return pack_padded_sequence(torch.stack(kept), lengths, enforce_sorted=False), h_n[None]


def packed_honest_order(packed, h_0, params, case):
    order = torch.empty(3, dtype=torch.int64)
    order.copy_(packed.sorted_indices)
    assert order.tolist() == packed.sorted_indices.cpu().tolist() == packed.sorted_indices.tolist()
    assert packed.unsorted_indices.cpu()[order].tolist() == [0, 1, 2]
    return packed_honest(packed, h_0, params, case)


def packed_honest_over_batch_sizes(packed, h_0, params, case):
    h_0 = first_state(packed.data[None], h_0, params)[:1].expand(3, -1).index_select(0, packed.sorted_indices)
    rows, start, kept = packed.data, 0, []
    for size in packed.batch_sizes:
        kept.append(step(rows[start : start + size], h_0[: int(size)], params))
        start += int(size)
    return packed._replace(data=torch.cat(kept)), h_0.index_select(0, packed.unsorted_indices)[None]


HONEST = [
    honest_new_zeros,
    honest_zeros_like,
    honest_device_argument,
    honest_constants,
    honest_copy_of_a_buffer,
    honest_indices,
    honest_offloading,
    honest_read_of_a_size,
    honest_in_place,
    honest_second_try,
    honest_nn_rnn,
    packed_honest,
    packed_honest_order,
    packed_honest_over_batch_sizes,
]


@pytest.mark.parametrize("candidate", HONEST, ids=lambda candidate: candidate.__name__)
def test_what_cuda_takes_is_clean(candidate):
    case = PACKED if candidate.__name__.startswith("packed") else CASE
    assert check_devices(candidate, case) == Finding("clean")


# What meta tensors cannot tell


def reads_a_value(x, h_0, params, case):
    kept = states(x, h_0, params)
    return torch.stack(kept) / kept[0].abs().max().item(), kept[-1][None]  # <- op


def reads_numpy(x, h_0, params, case):
    kept = states(x, h_0, params)
    return torch.stack(kept), torch.tensor(kept[-1].detach().numpy())[None]  # <- op


def reads_a_list(x, h_0, params, case):
    kept = states(x, h_0, params)
    return torch.stack(kept), torch.tensor(kept[-1].tolist())[None]  # <- op


def branches_on_a_value(x, h_0, params, case):
    kept = states(x, h_0, params)
    if kept[-1].isnan().any():  # <- op
        raise ValueError("nan")
    return torch.stack(kept), kept[-1][None]


def branches_on_a_copy(x, h_0, params, case):
    kept = states(x, h_0, params)
    if kept[-1].cpu().sum() > 0:  # <- op
        return torch.stack(kept) * 0, kept[-1][None]
    return torch.stack(kept), kept[-1][None]


def branches_on_a_buffer(x, h_0, params, case):
    kept = states(x, h_0, params)
    buffer = torch.zeros(len(x))
    for t, h in enumerate(kept):
        buffer[t] = h.norm()
    if buffer.max() > 100:  # <- op
        raise ValueError("it explodes")
    return torch.stack(kept), kept[-1][None]


def selects_by_a_mask(x, h_0, params, case):
    kept = states(x, h_0, params)
    kept[0][kept[0] > 0].sum()  # <- op
    return torch.stack(kept), kept[-1][None]


def selects_by_a_mask_of_a_copy(x, h_0, params, case):
    kept = states(x, h_0, params)
    kept[0][(kept[0] > 0).cpu()].sum()  # <- op
    return torch.stack(kept), kept[-1][None]


def looks_for_non_zeros(x, h_0, params, case):
    kept = states(x, h_0, params)
    kept[0].cpu().nonzero()  # <- op
    return torch.stack(kept), kept[-1][None]


def packed_by_lengths_of_the_device(packed, h_0, params, case):
    x, lengths = pad_packed_sequence(packed)
    lengths = lengths.to(x.device) + 0
    return pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False), h_0  # <- op


def compares_two_tensors(x, h_0, params, case):
    kept = states(x, h_0, params)
    torch.equal(kept[0], kept[1])  # <- op
    return torch.stack(kept), kept[-1][None]


def catches_what_it_reads(x, h_0, params, case):
    """Where the value is refused it goes another way than on CUDA: what becomes of that way means nothing."""
    try:
        float(x.sum())  # <- op
    except Exception:
        return zeros_to_start_from(x, h_0, params, case)
    kept = states(x, h_0, params)
    return torch.stack(kept), kept[-1][None]


def raises_of_itself(x, h_0, params, case):
    raise ValueError("only tensors I like")  # <- op


NOT_COMPARABLE = {
    reads_a_value: "item() needs values",
    reads_numpy: "numpy() needs values",
    reads_a_list: "tolist() needs values",
    branches_on_a_value: "bool() needs values",
    branches_on_a_copy: "bool() needs values",
    branches_on_a_buffer: "bool() needs values",
    selects_by_a_mask: "a mask as an index needs values",
    selects_by_a_mask_of_a_copy: "a mask as an index needs values",
    looks_for_non_zeros: "nonzero needs values",
    packed_by_lengths_of_the_device: "pack_padded_sequence needs values",
    compares_two_tensors: "equal needs values",
    catches_what_it_reads: "float() needs values",
    raises_of_itself: "it raises ValueError at",
}


@pytest.mark.parametrize("candidate", NOT_COMPARABLE, ids=lambda candidate: candidate.__name__)
def test_what_needs_values_is_not_comparable_with_the_reason(candidate):
    finding = check_devices(candidate, PACKED if candidate.__name__.startswith("packed") else CASE)
    assert finding.status == "not-comparable"
    assert finding.reason.startswith(NOT_COMPARABLE[candidate])
    assert same_line(finding.line, marked(candidate, "# <- op"))


def test_a_candidate_written_for_its_own_sizes_is_tried_with_them():
    seen = []

    def hard_coded(x, h_0, params, case):
        seen.append(tuple(x.shape))
        return x.new_zeros(5, 3, 6) + torch.stack(states(x, h_0, params)), h_0

    assert check_devices(hard_coded, CASE) == Finding("clean")
    assert seen[:2] == [(3, 3, 7), (5, 3, 7)]


def test_a_long_case_is_cut_to_a_few_steps_and_layers():
    seen = set()

    def candidate(x, h_0, params, case):
        seen.add((tuple(x.shape), case.rnn.num_layers, len(params)))
        return load(case)(x, h_0, params, case)

    long = CASE.model_validate(
        {"rnn": {"num_layers": 50, "hidden_size": 10**6}, "input": {"seq_len": 10**6, "batch_size": 10**5}}
    )
    assert check_devices(candidate, long) == Finding("clean")
    assert seen == {((3, 10**5, 20), 3, 12)}


def test_gradients_are_there_where_the_case_has_them_whatever_the_caller_s_mode():
    seen = []

    def candidate(x, h_0, params, case):
        seen.append(torch.is_grad_enabled())
        return load(case)(x, h_0, params, case)

    with torch.no_grad():
        assert check_devices(buffer_in_the_backward, CASE).status == "found"
    check_devices(candidate, case_of(gradients=False))
    assert seen == [False, False]


def test_nothing_is_left_behind():
    def careless(x, h_0, params, case):
        torch.rand(3)
        warnings.warn("careless", stacklevel=1)
        return zeros_to_start_from(x, h_0, params, case)

    assert check_devices(careless, CASE).status == "found"
    before = torch.random.get_rng_state(), torch.is_grad_enabled(), warnings.filters[:]
    for candidate in (careless, load(CASE), reads_a_value):
        check_devices(candidate, CASE)
        after = torch.random.get_rng_state(), torch.is_grad_enabled(), warnings.filters[:]
        assert torch.equal(after[0], before[0])
        assert after[1:] == before[1:]
        assert (torch.zeros(2) + torch.ones(2)).tolist() == [1.0, 1.0]
        assert torch.overrides._get_current_function_mode() is None
        assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_not_the_candidate_s_passes_and_nothing_is_left_behind(error):
    def interrupted(x, h_0, params, case):
        raise error

    with pytest.raises(error):
        check_devices(interrupted, CASE)
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


def test_the_check_does_not_touch_what_a_candidate_computes():
    case = case_of(num_layers=2, bidirectional=True)
    candidate = load(case)
    probe = draw(case).to(torch.float32, torch.device("cpu"))
    before = evaluate(candidate_side(candidate, case, probe), case)
    check_devices(candidate, case)
    after = evaluate(candidate_side(candidate, case, probe), case)
    assert all(torch.equal(value, after.tensors[name]) for name, value in before.tensors.items())
    assert evaluate(reference_side(case, probe), case).tensors.keys() == after.tensors.keys()
