import math


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def rnn(xs, h, Wx, Wh, b):
    ys = []
    for x in xs:
        h = [math.tanh(dot(Wx[i], x) + dot(Wh[i], h) + b[i]) for i in range(len(h))]
        ys.append(h)
    return ys, h


def without_bias(xs, h, Wx, Wh, b):
    ys = []
    for x in xs:
        h = [math.tanh(dot(Wx[i], x) + dot(Wh[i], h)) for i in range(len(h))]
        ys.append(h)
    return ys, h


def step(x, h, W, U, b):
    return [math.tanh(dot(w, x) + dot(u, h) + c) for w, u, c in zip(W, U, b)]
