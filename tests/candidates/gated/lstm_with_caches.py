import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(xt, a_prev, c_prev, parameters):
    both = np.concatenate((a_prev, xt), axis=0)
    ft = sigmoid(np.dot(parameters["Wf"], both) + parameters["bf"])
    it = sigmoid(np.dot(parameters["Wi"], both) + parameters["bi"])
    cct = np.tanh(np.dot(parameters["Wc"], both) + parameters["bc"])
    ot = sigmoid(np.dot(parameters["Wo"], both) + parameters["bo"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    return a_next, c_next, (a_next, c_next, ft, it, cct, ot, xt)


def lstm(x, a0, parameters):
    """x of shape (n_x, m, T_x), a0 of shape (n_a, m); returns a and c of all steps, and what a backward needs."""
    (_, m, T_x), (n_a, _), caches = x.shape, a0.shape, []
    a, c = np.zeros((n_a, m, T_x)), np.zeros((n_a, m, T_x))
    a_next, c_next = a0, np.zeros((n_a, m))
    for t in range(T_x):
        a_next, c_next, cache = lstm_step(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t], c[:, :, t] = a_next, c_next
        caches.append(cache)
    return a, c, (caches, x)
