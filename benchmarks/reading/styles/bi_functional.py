import torch
import torch.nn.functional as F


def sweep(x, h, w, u, bw, bu, backwards=False):
    seq = list(torch.unbind(x, dim=0))
    if backwards:
        seq = seq[::-1]
    hs = []
    for frame in seq:
        h = torch.tanh(F.linear(frame, w, bw) + F.linear(h, u, bu))
        hs.append(h)
    if backwards:
        hs = hs[::-1]
    return torch.stack(hs, dim=0), h


def birnn(x, h0, w_f, u_f, bw_f, bu_f, w_b, u_b, bw_b, bu_b):
    """Bidirectional RNN over x (L, N, F) from h0 (2, N, H): (L, N, 2H) and (2, N, H)."""
    out_f, h_f = sweep(x, h0[0], w_f, u_f, bw_f, bu_f)
    out_b, h_b = sweep(x, h0[1], w_b, u_b, bw_b, bu_b, backwards=True)
    return torch.cat((out_f, out_b), dim=-1), torch.stack((h_f, h_b), dim=0)
