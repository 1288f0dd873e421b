# Does my understanding of the formula agree with nn.RNN? Same weights, same input.
import torch

torch.manual_seed(0)

input_size, hidden_size = 4, 6
k = hidden_size**-0.5

weight_ih_l0 = torch.empty(hidden_size, input_size).uniform_(-k, k)
weight_hh_l0 = torch.empty(hidden_size, hidden_size).uniform_(-k, k)
bias_ih_l0 = torch.empty(hidden_size).uniform_(-k, k)
bias_hh_l0 = torch.empty(hidden_size).uniform_(-k, k)


def my_rnn(x, h_0):
    h = h_0[0]
    output = []
    for t in range(len(x)):
        h = torch.tanh(x[t] @ weight_ih_l0.T + bias_ih_l0 + h @ weight_hh_l0.T + bias_hh_l0)
        output.append(h)
    return torch.stack(output), h[None]


if __name__ == "__main__":
    net = torch.nn.RNN(input_size, hidden_size)
    net.load_state_dict({name: globals()[name] for name in net.state_dict()})
    x, h_0 = torch.randn(8, 2, input_size), torch.randn(1, 2, hidden_size)
    print(my_rnn(x, h_0)[0] - net(x, h_0)[0])
