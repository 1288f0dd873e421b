import torch


def bidirectional_by_hand(inpt, h0, wih, whh, bih, bhh, wihr, whhr, bihr, bhhr):
    """inpt (L, N, I), h0 (2, N, H). With the answer applied: the inputs are reversed, and so are the outputs."""
    tanh = torch.nn.Tanh()
    hid_forward, hid_reverse = h0[0], h0[1]
    fwd, rev = [], []
    for i in range(inpt.shape[0]):
        hid_forward = tanh(inpt[i] @ wih.T + bih + hid_forward @ whh.T + bhh)
        hid_reverse = tanh(inpt[-1 - i] @ wihr.T + bihr + hid_reverse @ whhr.T + bhhr)
        fwd.append(hid_forward)
        rev.append(hid_reverse)
    return torch.cat([torch.stack(fwd), torch.stack(rev[::-1])], dim=-1), torch.stack([hid_forward, hid_reverse])
