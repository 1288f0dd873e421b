import torch


def rnn(x, layer, h_0=None):
    directions = 2 if layer.bidirectional else 1
    if h_0 is None:
        h_0 = x.new_zeros(layer.num_layers * directions, x.shape[1], layer.hidden_size)
    finals = []
    for k in range(layer.num_layers):
        halves = []
        for d in range(directions):
            suffix = f"l{k}" + ("_reverse" if d else "")
            W, U = getattr(layer, "weight_ih_" + suffix), getattr(layer, "weight_hh_" + suffix)
            b = getattr(layer, "bias_ih_" + suffix) + getattr(layer, "bias_hh_" + suffix)
            h, outputs = h_0[k * directions + d], []
            for x_t in x.flip(0) if d else x:
                h = torch.tanh(x_t @ W.T + h @ U.T + b)
                outputs.append(h)
            finals.append(h)
            halves.append(torch.stack(outputs[::-1] if d else outputs))
        x = torch.cat(halves, -1)
    return x, torch.stack(finals)
