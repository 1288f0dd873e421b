import torch


def rnn_tanh(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    """torch.rnn_tanh, readable."""
    x = input.transpose(0, 1) if batch_first else input
    per = 4 if has_biases else 2
    D = 2 if bidirectional else 1
    h_n = []
    for layer in range(num_layers):
        ys = []
        for d in range(D):
            k = layer * D + d
            w_ih, w_hh, *b = params[k * per : (k + 1) * per]
            h = hx[k]
            states = []
            for x_t in x.flip(0) if d else x:
                z = x_t @ w_ih.t() + h @ w_hh.t()
                if b:
                    z = z + b[1]
                h = z.tanh()
                states.append(h)
            y = torch.stack(states)
            ys.append(y.flip(0) if d else y)
            h_n.append(h)
        x = torch.cat(ys, -1)
        if dropout and train and layer < num_layers - 1:
            x = torch.dropout(x, dropout, train)
    return x.transpose(0, 1) if batch_first else x, torch.stack(h_n)
