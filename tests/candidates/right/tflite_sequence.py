import torch


def unidirectional_sequence_rnn(input, input_weights, recurrent_weights, bias, hidden_state, time_major=True, fused_activation_function='TANH'):
    '''TFLite UNIDIRECTIONAL_SEQUENCE_RNN: input (time, batch, input_size), input_weights (num_units, input_size),
    recurrent_weights (num_units, num_units), bias (num_units,), hidden_state (batch, num_units). Output (time, batch, num_units).'''
    act = {'TANH': torch.tanh, 'RELU': torch.relu}[fused_activation_function]
    if not time_major:
        input = input.transpose(0, 1)
    out = []
    for x in input:
        hidden_state = act(torch.nn.functional.linear(x, input_weights, bias) + torch.nn.functional.linear(hidden_state, recurrent_weights))
        out.append(hidden_state)
    out = torch.stack(out)
    return out if time_major else out.transpose(0, 1)
