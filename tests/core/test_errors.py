"""What a message says of an exception."""

from rnncli.core.errors import LONGEST_LINE, described


def test_a_long_text_ends_with_a_whole_word():
    said = described(ValueError("word " * LONGEST_LINE))
    assert said.endswith("word ...")
    assert len(said) <= LONGEST_LINE + len("ValueError:  ...")


def test_a_long_text_of_several_lines_is_its_first():
    assert described(ValueError("short\n" + "x" * LONGEST_LINE)) == "ValueError: short"
