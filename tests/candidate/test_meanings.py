"""What the arguments of a candidate say."""

from rnncli.candidate import meanings, signature
from rnncli.candidate.names import Slot


def kinds(*names):
    slots = meanings.arguments_of_call(eval(f"lambda {', '.join(names)}: None"), holds_weights=False)
    return meanings.weights_among(slots)


def test_two_matrices_whose_names_do_not_tell_are_the_input_s_and_the_state_s_in_order():
    found = kinds("x", "h", "w1", "w2", "b1", "b2")
    assert [found[name].kind for name in ("w1", "w2")] == ["weight_ih", "weight_hh"]
    assert not any(of.reverse for of in found.values())


def test_letters_beside_each_other_tell_the_directions():
    found = kinds("x", "Wf", "Uf", "bf", "Wb", "Ub", "bb")
    assert [found[name].reverse for name in ("Wf", "Uf", "Wb", "Ub")] == [False, False, True, True]
    assert found["Wf"] == Slot(found["Wb"].kind, None, False)


def test_sizes_that_go_in_and_out_are_the_input_s_and_the_hidden_size():
    class Cell:
        def __init__(self, n_in, n_out):
            self.sizes = n_in, n_out

    class WithHead:
        def __init__(self, n_in, hidden, n_out):
            self.sizes = n_in, hidden, n_out

    def meant(target):
        found = meanings.arguments_of_constructor(signature.parameters_of_constructor(target))
        return [*found.values()]

    assert meant(Cell) == ["input_size", "hidden_size"]
    assert meant(WithHead) == ["input_size", "hidden_size", "output_size"]


def test_sizes_are_told_by_the_words_of_their_names_before_their_order():
    def meant(*names):
        made = eval(f"lambda {', '.join(names)}: None")
        return [*meanings.arguments_of_constructor(signature.parameters_of(made)).values()]

    assert meant("lstm_hidden_dim", "embedding_size") == ["hidden_size", "input_size"]
    assert meant("hidden_layer_size", "d") == ["hidden_size", "input_size"]
    assert meant("m", "d") == ["input_size", "hidden_size"]


def test_a_name_that_says_step_or_cell_is_taken_at_its_word():
    assert meanings.says_step("mine.py:rnn_step", {"x": None})
    assert meanings.says_step("mine.py:rnn", {"x_t": None})
    assert not meanings.says_step("mine.py:rnn_forward", {"x": None})
