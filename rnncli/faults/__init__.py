"""The ways of writing an RNN wrongly: in words, planted, found again, and the smallest case that shows one."""
