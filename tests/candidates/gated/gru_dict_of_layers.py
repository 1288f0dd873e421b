import torch


def gru(x, h0, weights):
    states, outputs = list(h0), []
    for x_t in x:
        for i in range(len(weights)):
            w = weights[f"layer_{i + 1}"]
            x_t = states[i] = step(x_t, states[i], w["kernel"], w["recurrent"], w["bias_x"], w["bias_h"])
        outputs.append(x_t)
    return torch.stack(outputs), torch.stack(states)


def first_weights_in_all(x, h0, weights):
    states, outputs = list(h0), []
    for x_t in x:
        for i in range(len(weights)):
            w = weights[f"layer_{i + 1}"] if i < 2 else weights["layer_1"]
            x_t = states[i] = step(x_t, states[i], w["kernel"], w["recurrent"], w["bias_x"], w["bias_h"])
        outputs.append(x_t)
    return torch.stack(outputs), torch.stack(states)


def step(x, h, W, U, b, c):
    r_x, z_x, n_x = (x @ W + b).chunk(3, -1)
    r_h, z_h, n_h = (h @ U + c).chunk(3, -1)
    r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
    return torch.lerp(torch.tanh(n_x + r * n_h), h, z)
