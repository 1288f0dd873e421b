"""A plain class with train() and eval() of its own, which dropout between its layers follows."""

import torch


class StackedLSTM:
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        self.hidden_size, self.dropout, self.training, self.layers = hidden_size, dropout, True, []
        for k in range(num_layers):
            n = input_size if k == 0 else hidden_size
            shapes = {"w_ih": (4 * hidden_size, n), "w_hh": (4 * hidden_size, hidden_size)}
            layer = {name: (torch.randn(shape) * 0.1).requires_grad_() for name, shape in shapes.items()}
            layer |= {name: torch.zeros(4 * hidden_size, requires_grad=True) for name in ("b_ih", "b_hh")}
            self.layers.append(layer)

    def train(self, mode=True):
        self.training = mode
        return self

    def eval(self):
        return self.train(False)

    def forward(self, x, state=None):
        if state is None:
            z = torch.zeros(len(self.layers), x.shape[1], self.hidden_size, dtype=x.dtype)
            state = (z, z)
        hs, cs = [], []
        for k, w in enumerate(self.layers):
            h, c, ys = state[0][k], state[1][k], []
            for x_t in x:
                i, f, g, o = (x_t @ w["w_ih"].T + w["b_ih"] + h @ w["w_hh"].T + w["b_hh"]).chunk(4, dim=-1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                ys.append(h)
            x = torch.stack(ys)
            if k < len(self.layers) - 1 and self.dropout:
                x = torch.nn.functional.dropout(x, self.dropout, self.drops)
            hs.append(h)
            cs.append(c)
        return x, (torch.stack(hs), torch.stack(cs))

    @property
    def drops(self):
        return self.training


class FlagAlone(StackedLSTM):
    """It has the flag, and no methods that set it."""

    train = eval = None


class WithoutModes(StackedLSTM):
    """Wrong: it drops in eval mode too."""

    @property
    def drops(self):
        return True
