import torch


def gru(x, h0, W_ih, W_hh, b_ih, b_hh):
    """W_ih, W_hh, b_ih, b_hh: lists with one tensor for each layer"""
    return walk(x, h0, W_ih, W_hh, b_ih, b_hh)


def first_bias_in_all(x, h0, W_ih, W_hh, b_ih, b_hh):
    hn = []
    for k, h in enumerate(h0):
        x, h = layer(x, h, W_ih[k], W_hh[k], b_ih[k], b_hh[0])
        hn.append(h)
    return x, torch.stack(hn)


def first_state_in_all(x, h0, W_ih, W_hh, b_ih, b_hh):
    hn = []
    for k in range(len(W_ih)):
        x, h = layer(x, h0[0], W_ih[k], W_hh[k], b_ih[k], b_hh[k])
        hn.append(h)
    return x, torch.stack(hn)


def of_zipped_lists(x, h0, Ws, Us, bs, cs):
    hn = []
    for k, (W, U, b, c) in enumerate(zip(Ws, Us, bs, cs)):
        x, h = layer(x, h0[k], W, U, b, c)
        hn.append(h)
    return x, torch.stack(hn)


def of_a_dict_of_lists(x, h0, params):
    hn = []
    for k in range(len(params["W_ih"])):
        x, h = layer(x, h0[k], *(params[name][k] for name in ("W_ih", "W_hh", "b_ih", "b_hh")))
        hn.append(h)
    return x, torch.stack(hn)


def of_numbered_keys(x, h0, params, num_layers=1):
    hn = []
    for k in range(num_layers):
        W, U = params[f"W_ih_l{k}"], params[f"W_hh_l{k}"]
        x, h = layer(x, h0[k], W, U, params[f"b_ih_l{k}"], params[f"b_hh_l{k}"])
        hn.append(h)
    return x, torch.stack(hn)


def walk(x, h0, W_ih, W_hh, b_ih, b_hh):
    hn = []
    for k, h in enumerate(h0):
        x, h = layer(x, h, W_ih[k], W_hh[k], b_ih[k], b_hh[k])
        hn.append(h)
    return x, torch.stack(hn)


def layer(x, h, W, U, b, c):
    out = []
    for x_t in x:
        r_x, z_x, n_x = (x_t @ W.T + b).chunk(3, 1)
        r_h, z_h, n_h = (h @ U.T + c).chunk(3, 1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        h = (1 - z) * torch.tanh(n_x + r * n_h) + z * h
        out.append(h)
    return torch.stack(out), h


def second_matrices_first(x, h0, Ws, Us, bs, cs):
    return of_zipped_lists(x, h0, Ws, Us[::-1], bs, cs)
