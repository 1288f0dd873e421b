import numpy as np


class TorchRNNInNumpy:
    """Loads nn.RNN's arrays: weight_ih_l0 (H, I), weight_hh_l0 (H, H)"""

    def __init__(self, state_dict):
        self.weight_ih_l0 = np.asarray(state_dict["weight_ih_l0"])
        self.weight_hh_l0 = np.asarray(state_dict["weight_hh_l0"])
        self.bias_ih_l0 = np.asarray(state_dict["bias_ih_l0"])
        self.bias_hh_l0 = np.asarray(state_dict["bias_hh_l0"])

    def forward(self, x, h):
        """x (N, L, I), h (N, H)"""
        out = []
        for t in range(x.shape[1]):
            i = np.dot(x[:, t], self.weight_ih_l0.T) + self.bias_ih_l0
            r = np.dot(h, self.weight_hh_l0) + self.bias_hh_l0
            h = np.tanh(i + r)
            out.append(h)
        return np.stack(out, 1), h
