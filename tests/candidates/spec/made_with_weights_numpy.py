import numpy as np


class InferenceRNN(object):
    def __init__(self, weights):
        """weights: {'Wx': (H, I), 'Wh': (H, H), 'b': (H,)}"""
        self.Wx = np.asarray(weights["Wx"])
        self.Wh = np.asarray(weights["Wh"])
        self.b = np.asarray(weights["b"])

    def run(self, x, h):
        """x: (N, T, I), h: (N, H)"""
        out = []
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t].dot(self.Wx.T) + h.dot(self.Wh.T) + self.b)
            out.append(h)
        return np.stack(out, axis=1), h
