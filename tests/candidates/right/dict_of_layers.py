import torch


def forward(x, h0, weights):
    """weights = {"layer0": {"W_ih":..., "W_hh":..., "b_ih":..., "b_hh":...}, "layer1": {...}}"""
    finals = []
    for i in range(len(weights)):
        w = weights[f"layer{i}"]
        h = h0[i]
        seq = []
        for x_t in x:
            h = torch.tanh(x_t @ w["W_ih"].T + w["b_ih"] + h @ w["W_hh"].T + w["b_hh"])
            seq.append(h)
        x = torch.stack(seq)
        finals.append(h)
    return x, torch.stack(finals)
