import torch


def walked(x, h, c, weights, backwards=False):
    w_ih, w_hh, b_ih, b_hh = weights
    outputs = []
    for x_t in x.flip(0) if backwards else x:
        i, f, g, o = (x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs[::-1] if backwards else outputs), h, c


def lstm(x, hx, *weights):
    """weights: w_ih, w_hh, b_ih and b_hh of each layer."""
    last = []
    for layer in range(len(weights) // 4):
        x, *states = walked(x, hx[0][layer], hx[1][layer], weights[4 * layer : 4 * layer + 4])
        last.append(states)
    h_n, c_n = zip(*last, strict=True)
    return x, (torch.stack(h_n), torch.stack(c_n))


def c_n_upside_down(x, hx, *weights):
    output, (h_n, c_n) = lstm(x, hx, *weights)
    return output, (h_n, c_n.flip(0))


def from_a_list(x, hx, weights):
    return lstm(x, hx, *weights)


def c_n_of_a_list_upside_down(x, hx, weights):
    return c_n_upside_down(x, hx, *weights)


def one_layer(x, hx, weights):
    output, h, c = walked(x, hx[0][0], hx[1][0], weights[:4])
    return output, (h[None], c[None])


def after_states_left_out(x, h_0=None, c_0=None, *params):
    zeros = x.new_zeros(x.shape[1], params[1].shape[1])
    output, h, c = walked(x, zeros if h_0 is None else h_0, zeros if c_0 is None else c_0, params)
    return output, (h, c)


def bilstm(x, hx, forward_params, backward_params):
    (h_0, c_0), both = hx, (forward_params, backward_params)
    outputs, h_n, c_n = zip(*(walked(x, h_0[d], c_0[d], both[d], d == 1) for d in (0, 1)), strict=True)
    return torch.cat(outputs, -1), (torch.stack(h_n), torch.stack(c_n))


def left_reversed(x, hx, forward_params, backward_params):
    output, last = bilstm(x, hx, forward_params, backward_params)
    hidden = output.shape[-1] // 2
    return torch.cat([output[..., :hidden], output[..., hidden:].flip(0)], -1), last
