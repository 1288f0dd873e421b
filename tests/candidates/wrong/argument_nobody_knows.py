import torch


def rnn_forward(x, h, w_ih, w_hh, b_ih, b_hh, schedule):
    """schedule: a callable that says how many steps are taken at a time"""
    out, t = [], 0
    while t < len(x):
        for _ in range(schedule.next_chunk(t)):
            h = torch.tanh(x[t] @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
            out.append(h)
            t += 1
    return torch.stack(out), h
