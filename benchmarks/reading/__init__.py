"""The audit of readings: right RNNs in many styles, every single-point mutant of each, and what `verify` says of them.

`styles/` holds the right ones, `bindings` calls each as its author documents, `mutants` changes one place at a time,
`truth` compares with `nn.RNN` in float64, `tool` asks rnncli, and `audit` counts where the two disagree.
"""
