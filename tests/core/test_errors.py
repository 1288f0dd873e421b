"""What a message says of an exception."""

from rnncli.core.errors import LONGEST_LINE, described, nearest


def test_a_long_text_ends_with_a_whole_word():
    said = described(ValueError("word " * LONGEST_LINE))
    assert said.endswith("word ...")
    assert len(said) <= LONGEST_LINE + len("ValueError:  ...")


def test_a_long_text_of_several_lines_is_its_first():
    assert described(ValueError("short\n" + "x" * LONGEST_LINE)) == "ValueError: short"


def test_of_names_that_are_as_near_the_one_that_begins_alike_is_meant():
    assert nearest("rnm", ["run", "rnn", "grid"]) == " (did you mean rnn?)"
    assert nearest("zzz", ["run", "rnn"]) == ""
