import torch

torch.manual_seed(1)
model = torch.nn.RNN(input_size=20, hidden_size=40)
W_ih, W_hh, b_ih, b_hh = model.parameters()


def by_hand(x, h0):
    # x: (seq_len, batch, 20)
    h = h0.squeeze(0)
    out = []
    for x_t in x:
        h = torch.tanh(x_t.matmul(W_ih.t()) + b_ih + h.matmul(W_hh.t()) + b_hh)
        out.append(h)
    return torch.stack(out), h.unsqueeze(0)


x = torch.rand(4, 2, 20)
h0 = torch.rand(1, 2, 40)
print("difference:", (model(x, h0)[0] - by_hand(x, h0)[0]).abs().max().item())
