"""The implementation under inspection: found, read, and given one form. The path of one candidate, file by file:

find         imports what PATH.py:NAME names (`outline` lists what a file has, without running it)
objects      says what it is: a `function`, or an object that is made for each case
signature    says what its arguments are, by `names` and by what its `source` says (of its states: `state_source`; of
             what it takes by key or attribute: `key_source`; by number: `number_source`); `own_states` is the form
             in which it takes its states
settle       tries the ways to call it in a `trial` of small sizes; a `convention` is one way
returned     says what of a result is output and h_n
proof        wires the tensors of an object (`places`) by `name_claims`, `experiments` and `roles`; proves the `wiring`
gates        says which gate the rows of a weight are (`gate_rows`: how many it holds); a function of a cell with
             gates is an object (`arguments`)
reading      puts this together, before any value is compared with nn.RNN's
adapter      calls it by its reading in the one form that everything else knows (`load`)

Of one that is wrong, `repair`, `repair_gates` and `small_edits` make edits of its source, and `edited` runs them.
"""
