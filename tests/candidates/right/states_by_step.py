import numpy as np
hidden_size = 7
def lossFun(inputs, hprev, Wxh, Whh, bh):
  '''inputs: list of column vectors (features, 1)'''
  xs, hs = {}, {}
  hs[-1] = np.copy(hprev)
  for t in range(len(inputs)):
    xs[t] = inputs[t]
    hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t-1]) + bh)
  return hs, hs[len(inputs)-1]
