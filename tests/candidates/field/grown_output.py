import torch


def rnn(input, hidden, W_ih, W_hh, b_ih, b_hh):
    '''
    input: batch x seq x feature
    hidden: batch x hidden
    '''
    output = input.new_empty(input.size(0), 0, hidden.size(1))
    for t in range(input.size(1)):
        hidden = torch.tanh(torch.addmm(b_ih, input[:, t], W_ih.t()) + torch.addmm(b_hh, hidden, W_hh.t()))
        output = torch.cat((output, hidden.unsqueeze(1)), 1)
    return output, hidden
