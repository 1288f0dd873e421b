import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class VarLenLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = nn.Dropout(dropout)
        self.w_x = nn.ModuleList(
            nn.Linear(input_size if l == 0 else hidden_size, 4 * hidden_size) for l in range(num_layers)
        )
        self.w_h = nn.ModuleList(nn.Linear(hidden_size, 4 * hidden_size) for l in range(num_layers))

    def _cell(self, l, x, h, c):
        i, f, g, o = (self.w_x[l](x) + self.w_h[l](h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, packed, state=None):
        x, bs, idx, inv = packed
        n = int(bs[0])
        if state is None:
            h0 = x.new_zeros(self.num_layers, n, self.hidden_size)
            c0 = x.new_zeros(self.num_layers, n, self.hidden_size)
        else:
            h0, c0 = state
            if idx is not None:
                h0 = h0.index_select(1, idx)
                c0 = c0.index_select(1, idx)
        hn, cn = [], []
        for l in range(self.num_layers):
            h, c = h0[l], c0[l]
            out, offset = [], 0
            for b in bs.tolist():
                x_t = x[offset:offset + b]
                h_t, c_t = self._cell(l, x_t, h[:b], c[:b])
                h = torch.cat([h_t, h[b:]])
                c = torch.cat([c_t, c[b:]])
                out.append(h_t)
                offset += b
            x = torch.cat(out)
            if l + 1 < self.num_layers:
                x = self.dropout(x)
            hn.append(h)
            cn.append(c)
        hn, cn = torch.stack(hn), torch.stack(cn)
        if inv is not None:
            hn = hn.index_select(1, inv)
            cn = cn.index_select(1, inv)
        return PackedSequence(x, bs, idx, inv), (hn, cn)
