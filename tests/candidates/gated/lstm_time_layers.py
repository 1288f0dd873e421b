import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class TimeLSTM:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]

    def forward(self, xs):
        Wx, Wh, b = self.params
        N, T, D = xs.shape
        H = Wh.shape[0]
        hs, h, c = np.empty((N, T, H)), np.zeros((N, H)), np.zeros((N, H))
        for t in range(T):
            f, g, i, o = np.split(xs[:, t] @ Wx + h @ Wh + b, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            hs[:, t] = h
        return hs


class TimeBiLSTM:
    def __init__(self, Wx1, Wh1, b1, Wx2, Wh2, b2):
        self.forward_lstm = TimeLSTM(Wx1, Wh1, b1)
        self.backward_lstm = TimeLSTM(Wx2, Wh2, b2)

    def forward(self, xs):
        o1 = self.forward_lstm.forward(xs)
        o2 = self.backward_lstm.forward(xs[:, ::-1])
        return np.concatenate((o1, o2[:, ::-1]), axis=2)


class NotTurnedBack(TimeBiLSTM):
    def __init__(self, Wx1, Wh1, b1, Wx2, Wh2, b2):
        super().__init__(Wx1, Wh1, b1, Wx2, Wh2, b2)

    def forward(self, xs):
        o2 = self.backward_lstm.forward(xs[:, ::-1])
        return np.concatenate((self.forward_lstm.forward(xs), o2), axis=2)
