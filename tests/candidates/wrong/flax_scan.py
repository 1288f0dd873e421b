import torch

class SimpleCell:
    '''flax.linen.SimpleCell'''
    def __init__(self, features):
        self.features = features

    def __call__(self, params, carry, inputs):
        h = carry
        new = torch.tanh(inputs @ params['i']['kernel'] + params['i']['bias'] + h @ params['h']['kernel'])
        return new, new

def scan(f, init, xs):
    carry, ys = init, []
    for x in xs:
        ys.append(carry)
        carry, y = f(carry, x)
    return carry, torch.stack(ys)

def rnn_apply(params, x, h0):
    '''params: {'i': {'kernel' (I, H), 'bias' (H,)}, 'h': {'kernel' (H, H)}}'''
    cell = SimpleCell(h0.shape[-1])
    carry, ys = scan(lambda c, xt: cell(params, c, xt), h0, x)
    return ys, carry
