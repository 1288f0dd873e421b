import torch
from torch.nn.functional import linear


def forward(input, h_0, params, case):
    rnn = case.rnn
    x = input.transpose(0, 1) if rnn.batch_first else input
    directions = ["", "_reverse"] if rnn.bidirectional else [""]
    act = torch.relu if rnn.nonlinearity == "relu" else torch.tanh
    if h_0 is None:
        h_0 = x.new_zeros(rnn.num_layers * len(directions), x.size(1), params["weight_hh_l0"].size(0))

    starts, h_n = iter(h_0), []
    for k in range(rnn.num_layers):
        halves = []
        for tail in directions:
            u = linear(x, params[f"weight_ih_l{k}{tail}"], params.get(f"bias_ih_l{k}{tail}"))
            W, b = params[f"weight_hh_l{k}{tail}"], params.get(f"bias_hh_l{k}{tail}")
            h, hs = next(starts), []
            for u_t in u.flip(0) if tail else u:
                h = act(u_t + linear(h, W, b))
                hs.append(h)
            halves.append(torch.stack(hs).flip(0) if tail else torch.stack(hs))
            h_n.append(h)
        x = torch.cat(halves, dim=2)
    return x.transpose(0, 1) if rnn.batch_first else x, torch.stack(h_n)
