"""Run a trained nn.RNN from nothing but its state_dict (no module needed on the target)."""
import torch


def _scan(xs, h, sd, suffix):
    W, U = sd["weight_ih" + suffix], sd["weight_hh" + suffix]
    b = sd["bias_ih" + suffix] + sd["bias_hh" + suffix]
    ys = []
    for x in xs:
        h = torch.tanh(x @ W.T + h @ U.T + b)
        ys.append(h)
    return ys, h


def run(x, sd, h0=None):
    """x is (T, B, F). Depth and directions are read off the keys of sd."""
    layers = sum(k.startswith("weight_ih_l") and not k.endswith("_reverse") for k in sd)
    bidi = "weight_ih_l0_reverse" in sd
    D = 2 if bidi else 1
    H = sd["weight_hh_l0"].shape[0]
    if h0 is None:
        h0 = torch.zeros(layers * D, x.shape[1], H, dtype=x.dtype, device=x.device)

    seq, last = list(x), []
    for k in range(layers):
        fw, hf = _scan(seq, h0[k * D], sd, f"_l{k}")
        last.append(hf)
        if not bidi:
            seq = fw
            continue
        bw, hb = _scan(seq[::-1], h0[k * D + 1], sd, f"_l{k}_reverse")
        last.append(hb)
        seq = [torch.cat(pair, dim=1) for pair in zip(fw, bw[::-1])]
    return torch.stack(seq), torch.stack(last)
