import torch
from collections import defaultdict


def rnn(x, h, params):
    '''params['W']['x'] (H, I), params['W']['h'] (H, H), params['b']['x'], params['b']['h'] (H,)'''
    log = defaultdict(list)
    for xt in x:
        h = torch.tanh(xt @ params['W']['x'].T + params['b']['x'] + h @ params['W']['h'].T + params['b']['h'])
        log['h'].append(h)
    return torch.stack(log['h']), h
