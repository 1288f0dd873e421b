# h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), step by step
import torch

torch.manual_seed(0)
rnn = torch.nn.RNN(20, 40)
x = torch.randn(5, 10, 20)
h = torch.zeros(10, 40)
outputs = []
for t in range(5):
    h = torch.tanh(x[t] @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0)
    outputs.append(h)
outputs = torch.stack(outputs)
print(torch.allclose(outputs, rnn(x)[0], atol=1e-6))
