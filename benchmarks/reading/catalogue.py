"""Every style, by its name."""

from benchmarks.reading import bindings, gated

STYLES = bindings.STYLES | {style.name: style for style in gated.STYLES}
