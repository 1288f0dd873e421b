import torch
import torch.nn.functional as F


def mx_lstm(data, i2h_weight, i2h_bias, h2h_weight, h2h_bias, begin_state):
    """mxnet.gluon.rnn.LSTMCell.unroll, layout NTC; gates are i, f, c, o."""
    states = begin_state
    outputs = []
    for t in range(data.shape[1]):
        i2h = F.linear(data[:, t], i2h_weight, i2h_bias)
        h2h = F.linear(states[0], h2h_weight, h2h_bias)
        gates = i2h + h2h
        slice_gates = torch.chunk(gates, 4, dim=1)
        in_gate = torch.sigmoid(slice_gates[0])
        forget_gate = torch.sigmoid(slice_gates[1])
        in_transform = torch.tanh(slice_gates[2])
        out_gate = torch.sigmoid(slice_gates[3])
        next_c = forget_gate * states[1] + in_gate * in_transform
        next_h = out_gate * torch.tanh(next_c)
        states = [next_h, next_c]
        outputs.append(next_h)
    return torch.stack(outputs, dim=1), states
