"""What a person sees at 80 columns, to the letter. To accept a change: GOLDEN=write make test, and read the diff."""

import os
import re

import pytest
from conftest import ROOT

SHOWN = {
    "shapes_bidirectional": "shapes --bidirectional --layers 2",
    "shapes_packed_static": "shapes --static --layout packed --lengths 5,3,2 --batch-first",
    "shapes_unbatched": "shapes --layout unbatched --h-0 omitted",
    "shapes_unexpected": "shapes --expect output=5,10,80 --expect bias_hh_l0=41",
    "verify": "verify --device cpu --hidden-size 5 --batch-size 7",
    "verify_packed": "verify --no-timing --device cpu --layout packed --lengths 2,5,3",
    "verify_strict_tolerance": "verify --no-timing --device cpu --atol 0 --rtol 1e-30 --hidden-size 6",
    "verify_float64": "verify --no-timing --device cpu --dtype float64 --hidden-size 5",
    "verify_empty_batch": "verify --no-timing --device cpu --batch-size 0",
    "verify_chaotic": "verify --no-timing --device cpu --weight-scale 5 --seq-len 200 --no-gradients",
    "power": "power --device cpu --seq-len 1 --h-0 zeros --layers 2 --no-gradients",
    "power_strict": "power --device cpu --layers 2 --bidirectional --batch-first --strict",
    "faults": "faults",
    "fault": "faults reverse-not-restored",
    "fault_of_gates": "faults --cell LSTM gates-in-another-order",
    "verify_grid": "verify --no-timing configs/smoke.yaml",
}


def without_figures(text: str) -> str:
    """The text with what is measured left out: errors, their places and times differ between machines."""
    tensor = r"^((?:output|h_n|grad \S+|\d+ more gradients) +(?:match|mismatch|not-comparable) ).*$"
    text = re.sub(tensor, r"\1 ...", text, flags=re.M)
    text = re.sub(r"^((?:algorithm|precision) .*) +\S+$", r"\1 ...", text, flags=re.M)
    text = re.sub(r"^(time|forward\S*) .*$", r"\1 ...", text, flags=re.M)
    text = re.sub(r"(mismatch [^:]*: error) .*?(?=\nmismatch|\n\n)", r"\1 ...", text, flags=re.S)
    text = re.sub(r"(judged on the first|10x every) \S+", r"\1 ...", text)
    text = re.sub(r"^the machine is busy: .*\n", "", text, flags=re.M)
    text = re.sub(r"^(rnncli verify) .*$", r"\1 ...", text, flags=re.M)
    return re.sub("\N{BOX DRAWINGS LIGHT HORIZONTAL}+", "...", text)


@pytest.mark.parametrize(("name", "command"), SHOWN.items(), ids=list(SHOWN))
def test_the_table_at_80_columns(rnncli, name, command):
    shown = without_figures(rnncli(*command.split()).out)
    golden = ROOT / "tests" / "golden" / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(shown)
    assert shown == golden.read_text()
