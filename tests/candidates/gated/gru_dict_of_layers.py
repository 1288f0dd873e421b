import torch
def gru(x, h0, weights):
    states, outputs = list(h0), []
    for x_t in x:
        for i in range(len(weights)):
            w = weights[f"layer_{i + 1}"]
            r_x, z_x, n_x = (x_t @ w["kernel"] + w["bias_x"]).chunk(3, -1)
            r_h, z_h, n_h = (states[i] @ w["recurrent"] + w["bias_h"]).chunk(3, -1)
            r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
            x_t = states[i] = torch.lerp(torch.tanh(n_x + r * n_h), states[i], z)
        outputs.append(x_t)
    return torch.stack(outputs), torch.stack(states)


def first_weights_in_all(x, h0, weights):
    only = {f"layer_{i + 1}": weights["layer_1"] for i in range(len(h0))}
    states, outputs = list(h0), []
    for x_t in x:
        for i in range(len(weights)):
            w = only[f"layer_{i + 1}"] if i == 2 else weights[f"layer_{i + 1}"]
            r_x, z_x, n_x = (x_t @ w["kernel"] + w["bias_x"]).chunk(3, -1)
            r_h, z_h, n_h = (states[i] @ w["recurrent"] + w["bias_h"]).chunk(3, -1)
            r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
            x_t = states[i] = torch.lerp(torch.tanh(n_x + r * n_h), states[i], z)
        outputs.append(x_t)
    return torch.stack(outputs), torch.stack(states)
