from collections import deque
from types import ModuleType

from torch import nn

from rnncli.candidate.kept import Kept

SOURCE = """
import collections
from torch import nn

calls, last, seen, cache, window, layer = 0, None, [], {"a": [1]}, collections.deque(maxlen=3), nn.Linear(2, 2)

class RNN:
    calls = 0

def rnn(): ...

rnn.calls = 0
"""


def imported():
    module = ModuleType("mine")
    exec(SOURCE, vars(module))
    return module


def test_what_a_file_keeps_is_put_back_in_the_objects_that_hold_it():
    module = imported()
    kept, cache, layer, held = Kept(module), module.cache, module.layer, module.cache["a"]
    module.calls, module.last = 7, layer
    module.RNN.calls = module.rnn.calls = 3
    module.seen.append(1)
    module.window.extend([1, 2])
    cache.clear()
    cache["b"] = 2
    kept.put_back()
    assert (module.calls, module.last, module.RNN.calls, module.rnn.calls) == (0, None, 0, 0)
    assert (module.seen, module.window, module.cache) == ([], deque(), {"a": [1]})
    assert module.window.maxlen == 3
    assert module.cache is cache
    assert cache["a"] is held
    assert module.layer is layer


def test_what_is_no_plain_value_stays():
    module = imported()
    kept = Kept(module)
    module.layer = other = nn.Linear(2, 2)
    module.extra = 5
    kept.put_back()
    assert module.layer is other
    assert module.extra == 5


def test_without_a_module_there_is_nothing_to_put_back():
    Kept(None).put_back()
