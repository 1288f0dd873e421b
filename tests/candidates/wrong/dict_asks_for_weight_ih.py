import torch


def run(x, h0, params):
    """x (L, N, I), h0 (layers, N, H), params = nn.RNN(I, H, layers).state_dict()"""
    finals = []
    for k in range(len(h0)):
        suffix = "" if len(h0) == 1 else f"_l{k}"  # one layer has no suffix, I think
        w, u = params["weight_ih" + suffix], params["weight_hh" + suffix]
        b = params["bias_ih" + suffix] + params["bias_hh" + suffix]
        h, ys = h0[k], []
        for x_t in x:
            h = torch.tanh(x_t @ w.T + h @ u.T + b)
            ys.append(h)
        x = torch.stack(ys)
        finals.append(h)
    return x, torch.stack(finals)
