"""The sizes that the sections share, by the rules of `rnncli.core.shapes`."""

import re

from rnncli.core.case import Case
from rnncli.core.shapes import predict_parameters

NO_BREAK = "\N{NO-BREAK SPACE}"


def parameter_shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """Return the size of every parameter, in torch's order."""
    return {parameter.name: parameter.shape for parameter in predict_parameters(case)}


def of_step(case: Case, features: int) -> tuple[int, ...]:
    """Return the size of one time step."""
    return (features,) if case.input.layout == "unbatched" else (case.input.batch_size, features)


def named(case: Case, feature_axis: str, features: int) -> str:
    """Return the size of one time step with the names of its axes: (N=10, H_in=20)."""
    if case.input.layout == "unbatched":
        return f"({feature_axis}={features},)"
    return f"(N={case.input.batch_size}, {feature_axis}={features})"


def unbroken_sizes(text: str) -> str:
    """Return the text with no-break spaces in its sizes: (10, 40), (N=10, H_in=20)."""
    return re.sub(r"\([\w=*]+(?:, [\w=*]+)+\)", lambda found: found[0].replace(" ", NO_BREAK), text)
