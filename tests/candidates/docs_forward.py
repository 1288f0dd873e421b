import torch
from torch import nn

rnn = nn.RNN(5, 7)
params = dict(rnn.named_parameters())


def forward(x, hx=None, batch_first=False):
    # cf. https://pytorch.org/docs/stable/generated/torch.nn.RNN.html, without the in-place updates
    if batch_first:
        x = x.transpose(0, 1)
    seq_len, batch_size, _ = x.size()
    if hx is None:
        hx = torch.zeros(rnn.num_layers, batch_size, rnn.hidden_size, dtype=x.dtype, device=x.device)
    h_t = list(hx)
    output = []
    for t in range(seq_len):
        for layer in range(rnn.num_layers):
            input_t = x[t] if layer == 0 else h_t[layer - 1]
            h_t[layer] = torch.tanh(
                input_t @ params[f"weight_ih_l{layer}"].T
                + params[f"bias_ih_l{layer}"]
                + h_t[layer] @ params[f"weight_hh_l{layer}"].T
                + params[f"bias_hh_l{layer}"]
            )
        output.append(h_t[-1])
    output = torch.stack(output)
    if batch_first:
        output = output.transpose(0, 1)
    return output, torch.stack(h_t)


if __name__ == "__main__":
    x = torch.randn(6, 3, 5)
    for mine, theirs in zip(forward(x), rnn(x)):
        torch.testing.assert_close(mine, theirs)
