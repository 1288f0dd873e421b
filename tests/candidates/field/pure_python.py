from math import tanh


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


def rnn(xs, h, W, U, b):
    """No libraries. xs: a list of lists of floats, h: a list of floats; returns all states, last state."""
    hs = []
    for x in xs:
        h = [tanh(dot(w, x) + dot(u, h) + c) for w, u, c in zip(W, U, b)]
        hs.append(h)
    return hs, h
