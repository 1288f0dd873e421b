import torch
import torch.nn as nn


class Context(nn.Module):
    """left context and right context of every word, side by side"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.left = nn.RNNCell(input_size, hidden_size)
        self.right = nn.RNNCell(input_size, hidden_size)

    def forward(self, words, h0):
        # words (T, B, E), h0 (2, B, H)
        T = words.size(0)
        l, r = h0[0], h0[1]
        lefts, rights = [None] * T, [None] * T
        for t in range(T):
            l = self.left(words[t], l)
            lefts[t] = l
        for t in range(T - 1, -1, -1):
            r = self.right(words[t], r)
            rights[t] = r
        return torch.cat((torch.stack(lefts), torch.stack(rights)), -1), torch.stack((l, r))
