import torch


def bidirectional_by_hand(inpt, h0, wih, whh, bih, bhh, wihr, whhr, bihr, bhhr):
    """inpt (L, N, I), h0 (2, N, H). Why does the second half not match?"""
    tanh = torch.nn.Tanh()
    hid_forward, hid_reverse = h0[0], h0[1]
    outs = []
    for i in range(inpt.shape[0]):
        x = inpt[i]
        hid_forward = tanh(x @ wih.T + bih + hid_forward @ whh.T + bhh)
        # reverse
        hid_reverse = tanh(x @ wihr.T + bihr + hid_reverse @ whhr.T + bhhr)
        outs.append(torch.cat([hid_forward, hid_reverse], dim=1))
    return torch.stack(outs), torch.stack([hid_forward, hid_reverse])
