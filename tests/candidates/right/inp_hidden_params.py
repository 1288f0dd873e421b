import torch


def rnn(inp, hidden, params, reverse: bool = False):
    w_ih, w_hh, b_ih, b_hh = params
    outputs = []
    for item in (inp.flip(0) if reverse else inp).unbind(0):
        hidden = torch.tanh(item @ w_ih.t() + b_ih + hidden @ w_hh.t() + b_hh)
        outputs.append(hidden)
    return torch.stack(outputs[::-1] if reverse else outputs), hidden


def one_bias_twice(inp, hidden, params):
    w_ih, w_hh, b_ih, _ = params
    return rnn(inp, hidden, [w_ih, w_hh, b_ih, b_ih])


def made_of_weights(w_ih, w_hh):
    scale = (w_ih @ torch.zeros(3)).exp()

    def run(x, h):
        return torch.tanh(x @ w_ih.T + h @ w_hh.T) * scale

    return run
