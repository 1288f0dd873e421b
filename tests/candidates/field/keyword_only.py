import torch


def run_elman(sequence, *, initial_state, input_weights, recurrent_weights, bias):
    """sequence (time, batch, in), initial_state (batch, hidden), weights (out, in)"""
    state = initial_state
    states = []
    for frame in sequence:
        state = (frame @ input_weights.T + state @ recurrent_weights.T + bias).tanh()
        states.append(state)
    return torch.stack(states), state
