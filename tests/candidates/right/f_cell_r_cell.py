import torch


class TanhCell:
    def __init__(self, n_in, n_hid):
        self.W = torch.randn(n_hid, n_in) * 0.1
        self.U = torch.randn(n_hid, n_hid) * 0.1
        self.b = torch.zeros(n_hid)

    def __call__(self, x, h):
        return torch.tanh(x @ self.W.T + h @ self.U.T + self.b)


class BidirectionalRNN:
    """Plain tensors, no modules: x (batch, time, n_in), h0 (2, batch, n_hid)"""

    def __init__(self, n_in, n_hid):
        self.f_cell = TanhCell(n_in, n_hid)
        self.r_cell = TanhCell(n_in, n_hid)

    def __call__(self, x, h0):
        steps = list(x.unbind(1))
        f, r = h0
        fs, rs = [], []
        for s in steps:
            f = self.f_cell(s, f)
            fs.append(f)
        for s in steps[::-1]:
            r = self.r_cell(s, r)
            rs.append(r)
        rs.reverse()
        y = torch.stack([torch.cat(pair, dim=1) for pair in zip(fs, rs)], dim=1)
        return y, torch.stack([f, r])
