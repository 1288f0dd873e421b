"""A bidirectional RNN made of two cells, one for each way through the sentence."""

import torch
import torch.nn as nn


class BiRNN(nn.Module):
    def __init__(self, emb_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.left = nn.RNNCell(emb_size, hidden_size)
        self.right = nn.RNNCell(emb_size, hidden_size)

    def forward(self, sentence, state=None):
        """sentence is (words, batch, emb), state is (2, batch, hidden); returns (words, batch, 2 * hidden) and state."""
        words, batch = sentence.size(0), sentence.size(1)
        if state is None:
            state = sentence.new_zeros(2, batch, self.hidden_size)
        h_l, h_r = state[0], state[1]
        lefts, rights = [], []
        for w in range(words):
            h_l = self.left(sentence[w], h_l)
            lefts.append(h_l)
            h_r = self.right(sentence[words - 1 - w], h_r)
            rights.insert(0, h_r)
        out = torch.cat([torch.stack(lefts), torch.stack(rights)], dim=2)
        return out, torch.stack([h_l, h_r])
