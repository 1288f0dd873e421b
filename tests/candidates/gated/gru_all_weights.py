import torch


def gru(x, layer, h_0):
    finals, size = [], layer.hidden_size
    for k in range(layer.num_layers):
        W, U, b, c = layer.all_weights[k]
        h, outputs = h_0[k], []
        for x_t in x:
            gi, gh = x_t @ W.T + b, h @ U.T + c
            r, z = torch.sigmoid(gi[:, : 2 * size] + gh[:, : 2 * size]).chunk(2, 1)
            n = torch.tanh(gi[:, 2 * size :] + r * gh[:, 2 * size :])
            h = n + z * (h - n)
            outputs.append(h)
        x = torch.stack(outputs)
        finals.append(h)
    return x, torch.stack(finals)
