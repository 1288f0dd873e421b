"""What the names people give to arguments and weights of an RNN mean."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from rnncli.core.cells import Cell

Kind = Literal["weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh", "bias", "weight", "readout"]
EXACT = re.compile(r"(weight|bias)_(ih|hh|hr)_l(\d+)(_reverse)?$")  # torch's own names
TORCHS = re.compile(r"(^|[._])(weight|bias|w|b)_?[ih]h(_?l?\d+|_l)?(_reverse)?$", re.IGNORECASE)  # torch's order


class Slot(NamedTuple):
    """Which of nn.RNN's parameters a name stands for. `bias` is the sum of both, `weight` both matrices side by side.

    `layer` is None where the name holds no number.
    """

    kind: Kind | None
    layer: int | None
    reverse: bool

    @property
    def is_bias(self) -> bool:
        return str(self.kind).startswith("bias")


def words(text: str) -> frozenset[str]:
    """Return the words of a text, to look one up among them."""
    return frozenset(text.split())


_INPUT = words(
    "input inputs x xs x_t xt x_in inp inpt seq sequence data x_seq input_seq input_t x_batch batch embeds embedded"
    " features source src signal tokens in_seq input_sequence x_sequence step_input input_step input_data x0 timesteps"
    " series xin input_tensor x_tensor"
)
_PROJECTED = re.compile(
    r"^(x|xs|input|inputs|in)_?(proj|projected|projection|lin|w|h)$|^(x?proj\w*|wx|wx_t|xw|xw_t|zx|z_x|pre\w*|drive\w*)$"
)
_BEFORE = r"init|initial|start|starting|begin_|prev|previous|past|last|old|first|cur|curr|current|given"
_AFTER = r"prev|previous|past|before|init|initial|start|0|old|in|(t_?)?(m|minus_?)1|t_1|last|first|zero|t|tensor"
_STATE = re.compile(
    rf"^(({_BEFORE})_?)?(h|hxs?|h_?cx?|hcs|hh?0|h_0|hs|hiddens?|hid|hidden_?(states?|cell|vec|vector)|states?|ht|h_t"
    r"|a|a0|s|s0|h_?n|memory|carry|short_?term(_?memory)?|stm|state_?tuple|(lstm|gru|rnn|enc|encoder|dec|decoder)_?hidden"
    r"|(lstm|gru|rnn|rec|recurrent|inner|layer|enc|encoder|dec|decoder|input)_?((hidden_?)?states?|hxs?))"
    rf"(_?({_AFTER}))?$|^pre_(h|hidden_?(states?)?|states?)$"
)
_CELL_STATE = re.compile(
    rf"^(({_BEFORE}|next|new|out|outputs?|all|final)_?)?"
    r"(c|cc?0|cs|cxs?|ct|cell|cells|cell_?states?|c_?n"
    r"|long_?term(_?memory)?|ltm|(memory|mem)_?(states?|cells?))"
    rf"(_?({_AFTER}|n|x|next|new|current|states?))?$|^pre_(c|cells?(_?states?)?)$"
)
_SECOND_BIAS = re.compile(r"[cd](s|_?[nh])?|rb|br")  # beside b: of all gates, lists of them, or of n alone
_GATE_WORDS: dict[str, dict[str, frozenset[str]]] = {
    "RNN": {},
    "LSTM": {"i": words("i in inp input u update"), "f": words("f forget"), "o": words("o out output"),
             "g": words("g c j a u z n cell cand candidate modulation new tilde hat")},
    "GRU": {"r": words("r reset"), "z": words("z u update"),
            "n": words("n h c g new cand candidate hat tilde hidden state out memory")},
}  # fmt: skip
_NO_GATE = words("weight bias weights biases linear gates")
_PARAMS = words(
    "params parameters weights state_dict sd p theta weight_dict param_dict wts prm flat_weights all_weights"
    " layer_weights layer_params cells_params weight_list wb prms ws"
)
_PARAMS_OF = re.compile(
    r"^(fw|bw|fwd|bwd|forward|backward|left|right|rev|reverse)(_?(params|parameters|weights|w|p))?$"
    r"|^(params|parameters|weights|w|p)_?(fw|bw|fwd|bwd|forward|backward|rev|reverse)$"
)
_READOUT = re.compile(
    r"(^|[._])(fc\d*|out|output|o|h2o|i2o|hy|ho|w_?hy|w_?ho|w_?ya?|w_?hq|w_?out|b_?y|b_?o|b_?q|b_?out|why|wya|by|bo"
    r"|head|readout|decoder|dense|classifier|linear_out|proj_out|fc_out|out_proj|output_layer|y|v)([._]|$)"
)
_OPTIONS = {
    "input_size": "input_size input_dim in_features n_in n_inputs n_input d_in in_dim in_size embed_dim embedding_dim"
    " feature_dim num_inputs nin d_input n_x i_size inp num_features n_features x_dim input_features vocab_size in_sz"
    " input_sz insize d_model_in ninp input_channels indim idim isize dim_in n_embd embed_size embedding_size emb_size"
    " emb_dim d_emb d_embed n_feat n_feats feat_dim feature_size in_channels in_feats nfeat enc_in dim_input d_inp"
    " word_dim",
    "hidden_size": "hidden_size hidden_dim n_hidden hidden_units hid d_hidden nhid hidden units num_hiddens num_hidden"
    " hid_dim h_dim n_h n_a d_h hid_size hidden_features state_size state_dim out_features hidden_sz dim_hidden"
    " num_units hsize hdim nh h_size n_units dim_h hiddens cell_size rnn_size n_embd2 d_model d_rnn d_state d_hid"
    " hidden_channels nhidden n_hid num_hid lstm_size gru_size rnn_units lstm_units gru_units rnn_dim lstm_dim gru_dim"
    " rnn_hidden_size lstm_hidden_size gru_hidden_size hidden_layer_size num_cells n_cells",
    "hidden_sizes": "hidden_sizes hidden_dims",
    "num_layers": "num_layers n_layers nlayers layers depth n_layer layer_num nlayer stack num_hidden_layers nr_layers"
    " number_of_layers num_stacked_layers num_rnn_layers num_lstm_layers num_gru_layers lstm_layers gru_layers"
    " rnn_layers",
    "bidirectional": "bidirectional bidir birnn is_bidirectional both_directions bidi",
    "batch_first": "batch_first batchfirst batch_major",
    "nonlinearity": "nonlinearity activation act nonlin act_fn activation_fn phi nl act_func mode",
    "proj_size": "proj_size projection_size proj_dim proj recurrent_size",
    "bias": "bias use_bias has_bias with_bias biases",
    "dropout": "dropout dropout_p p_drop drop drop_rate drop_p drop_prob dropout_prob dropout_rate p_dropout",
    "training": "training train is_training",
    "output_size": "output_size output_dim n_out num_classes n_classes out_dim n_y num_outputs out_size nout d_out"
    " n_outputs n_output output_features target_size classes n_tags num_tags ntags tagset_size tag_size n_labels"
    " num_labels nlabels label_size n_class num_class target_dim y_dim label_dim dec_hid_dim dec_hidden_dim"
    " dec_hidden_size decoder_hidden_dim decoder_hidden_size dec_dim decoder_dim",
    "has_biases": "has_biases",
    "return_sequences": "return_sequences return_all_states return_all return_sequence return_hidden_states",
    "reverse": "reverse reversed go_backwards backward backwards bwd rev is_reverse is_reversed right_to_left",
    "return_state": "return_state return_hidden return_hidden_state return_final_state return_last_state",
    "learning_rate": "learning_rate lr eta",
    "rng": "rng random_generator",
    "dtype": "dtype",
    "device": "device dev",
    "on_gpu": "gpu use_gpu cuda use_cuda on_gpu is_cuda",
    "batch_size": "batch_size bsz batch_sz n_batch",
    "lengths": "lengths seq_lengths seq_lens lens x_lengths x_lens input_lengths sequence_lengths sequence_lens"
    " sequence_length",
    "seq_len": "seq_len seq_length seqlen seqlength steps num_steps time_steps n_steps t_x",
    "max_len": "max_len max_length max_seq_len max_steps max_time",
}
_MEANT = {name: meant for meant, names in reversed(_OPTIONS.items()) for name in words(names)}
_REVERSE = re.compile(
    r"(^|[._\d])(rev|reverse|reversed|bwd|bw|back|backward|backwards|r2l|rtl)([._\d]|$)|(_r|_b|_bk)(_|\.|$)"
    r"|(rev|reverse|bwd|backward|back)$"
)
_INPUT_WEIGHT = re.compile(
    r"((ih|xh|hx|ax|i2h|x2h|[xi]_?(2|to)_?g\w*|in2h\w*|in2hid|x_?to_?h\w*|i_?to_?h\w*|input_?(to|2)_?hidden|wx|w_?in|w_?input|w_?inp|w_?xi|win|wi"
    r"|input_?(weights?|proj|layer|linear|map|kernel|transform)|in_?proj|lin_?in|fc_?in|ih_?linear|embed|x_?lin\w*"
    r"|linear_?(x|in|input|ih|i)|from_?input|from_?x|proj_?x|x_?proj|in_?layer)|(^|_)(kernel|input|inp|in|x|i|u))$"
)
_STATE_WEIGHT = re.compile(
    r"((hh|aa|h2h|h_?(2|to)_?g\w*|hid2hid|h_?to_?h\w*|hidden_?(to|2)_?hidden|recurrent\w*|w_?rec\w*|wh|ws|w_?hid\w*"
    r"|hidden_?(weights?|proj|layer|linear|map|transform)|lin_?h\w*|fc_?h\w*|linear_?(h|hh|hidden|rec|state)|from_?hidden"
    r"|from_?h|from_?state|state\w*|h_?lin\w*|h_?proj|proj_?h|w_?state)|(^|_)(h|s|r|rec|u?h|hidden|recur))$"
)
_CONCAT = re.compile(r"(cat|comb|combined|concat|joint|xh_?h|ihh|linear|fc|i2h|gate|layer|lin|w|weight|cell|proj)")


def is_cell_state(name: str) -> bool:
    """Return whether a name is that of an LSTM's second state."""
    return bool(_CELL_STATE.match(name.lower().strip("_")))


def role(name: str) -> str | None:
    """Return what an argument is: input, projected, state, params, case, an option of nn.RNN; None for a weight."""
    plain = name.lower().strip("_")
    if plain in _INPUT:
        return "input"
    if plain == "case":
        return "case"
    if plain in _PARAMS or _PARAMS_OF.match(plain):
        return "params"
    if _STATE.match(plain) or _STATE.match(_REVERSE.sub("_", plain).strip("_")):
        return "state"
    if _PROJECTED.match(plain) and option(name) is None:
        return "projected"
    return option(name)


def option(name: str) -> str | None:
    """Return the argument of nn.RNN, or another setting, that an option stands for."""
    plain = name.lower().strip("_")
    return _MEANT.get(plain) or ("nonlinearity" if plain.startswith(("activation", "nonlinearity")) else None)


def options(names: Iterable[str]) -> dict[str, str]:
    """Return what options stand for beside each other: d_model is that of the input where another is hidden_size."""
    found = {name: meant for name in names if (meant := option(name))}
    hidden = [name for name, meant in found.items() if meant == "hidden_size"]
    if len(hidden) > 1 and "input_size" not in found.values():
        found |= dict.fromkeys([name for name in hidden if name.lower().strip("_") == "d_model"], "input_size")
    return found


def without_numbers(name: str) -> str:
    """Return a name with # for each number: the same for the tensors of all layers."""
    return re.sub(r"\d+", "#", name)


def slot(name: str) -> Slot:
    """Return the weight that a name stands for, by its words, its number and its direction."""
    lower = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_").replace("/", ".")
    if lower in ("num_layers", "n_layers"):
        return Slot(None, None, False)
    lower = re.sub(r"^(self|rnn|cell|cells|layers?|module|net|forward_?)\.(?=[a-z])", "", lower)
    forward = re.search(r"(^|[._])(fwd|fw|forward|l2r|ltr)([._\d]|$)", lower)
    reverse = not forward and bool(_REVERSE.search(lower))
    plain = lower if forward else _REVERSE.sub("_", lower)
    plain = re.sub(r"(^|[._])(fwd|fw|forward|f|l2r|ltr)(?=[._\d]|$)|_fwd$", "_", plain)
    numbers = re.findall(r"\d+", re.sub(r"[a-z]2[a-z]", "", plain))
    layer = int(numbers[-1]) if numbers else None
    plain = re.sub(r"(_?l(ayer)?_?)?(?<![a-z]2)\d+(?![a-z])", "_", plain)
    plain = re.sub(r"(?<=[a-z])_l$", "", plain)  # what the number of a layer is put to
    parts = [part.strip("_") for part in plain.split(".") if part.strip("_")]
    return Slot(_kind(parts), layer, reverse)


def gates_among(names: Iterable[str], cell: Cell, lacking: bool = False) -> dict[str, tuple[str, str]]:
    """Return, of names that differ in a word for each gate of a cell, the rest of each and its gate.

    `W_xi, W_xf, W_xg, W_xo`, `forget_gate.weight`, `W_fx`, `x2f.weight`. Names that lack one of the gates are left out,
    unless `lacking` and others have all.
    """
    by_stem: dict[str, dict[str, list[str]]] = {}
    for name in dict.fromkeys(names):
        for stem, gate in _split_by_gate(name, cell):
            by_stem.setdefault(stem, {}).setdefault(gate, []).append(name)
    found: dict[str, tuple[str, str]] = {}
    for stem, told in by_stem.items():
        of_gates = _one_for_each(told, cell.gates)
        found |= {name: (stem.replace("*", ""), gate) for gate, name in of_gates.items() if name not in found}
    whole = set(found)
    for stem, told in by_stem.items() if lacking and whole else ():
        subsets = [tuple(one for one in cell.gates if one != gate) for gate in cell.gates]
        some = [of_gates for gates in subsets if (of_gates := _one_for_each(told, gates))]
        if len(some) == 1 and not whole & {*some[0].values()}:
            found |= {name: (stem.replace("*", ""), gate) for gate, name in some[0].items() if name not in found}
    return found


def _one_for_each(told: Mapping[str, list[str]], gates: Sequence[str]) -> dict[str, str]:
    """Return the name of each gate where there is one way to tell all of them; none where there is not.

    A word may be of two gates: `u` of an LSTM is the input gate beside `c`, and the candidate beside `i`.
    """
    names = list(dict.fromkeys(name for ones in told.values() for name in ones))
    if len(names) != len(gates):
        return {}
    orders = [order for order in itertools.permutations(names)
              if all(name in told.get(gate, ()) for gate, name in zip(gates, order, strict=True))]  # fmt: skip
    return dict(zip(gates, orders[0], strict=True)) if len(orders) == 1 else {}


_LISTS = (
    re.compile(r"[a-z]+(?:\s*,\s*(?!and\b)[a-z]+)+(?:,?\s+and\s+[a-z]+)?"),
    re.compile(r"[a-z]+(?:\s*[/|]\s*[a-z]+)+"),
)


def orders_of_gates(text: str, cell: Cell) -> set[tuple[str, ...]]:
    """Return the orders in which a text lists all gates of a cell: `i, f, c, o`, `zrh`, `reset, update and new`."""
    said, lists = re.sub(r"[`'\"]|[ _]gates?\b|\bthe ", "", text.lower()), list[list[str]]()
    for sentence in [one for one in re.split(r"\.\s|\n", said) if not re.search(r"\bnot\b", one)]:
        listings = [re.split(r"[^a-z]+(?:and\s+)?", one[0]) for listed in _LISTS for one in listed.finditer(sentence)]
        in_order = re.search(r"\border|\brows\b|\bas in\b|stack|pack|chunk|split|unbind", sentence)
        of_letters = [one for one in listings if max(map(len, one[: len(cell.gates)])) == 1]
        lists += listings if in_order else of_letters
        lists += [[*one] for one in re.findall(r"\b(?:[ifgocj]{4}|[rzhn]{3})\b", sentence)]
    known, found = _GATE_WORDS[cell.name], set[tuple[str, ...]]()
    for listed in lists:  # `r, z, n, as torch has them`
        first, behind = listed[: len(known)], listed[len(known) : len(known) + 1]
        told = {gate: [one for one in first if one in of_gate] for gate, of_gate in known.items()}
        names = {name: gate for gate, name in _one_for_each(told, cell.gates).items()}
        more = any(one in of_gate for one in behind for of_gate in known.values())
        found |= {tuple(names[one] for one in first)} if len(names) == len(first) and not more else set()
    return found


def is_second_bias(name: str) -> bool:
    """Return whether a name may be that of a second bias beside b."""
    return bool(_SECOND_BIAS.fullmatch(name.strip("_.").lower()))


def bias_of_state(kinds: Mapping[str, Kind | None]) -> str | None:
    """Return which of two biases is b_hh by the names of both: `b_in` and `b_hn`, `bx_n` and `bh_n`, `b_x` and `b_h`.

    `kinds`: what each name claims. None where names do not tell, as `b_u` and `b_h`.
    """
    of_n = {kind: [name for name in kinds if re.search(rf"(^|[._])b(ias)?_?({kind}_?n|n_?{kind})$", name.lower())]
            for kind in ("[xi]", "h")}  # fmt: skip
    if len(kinds) == 2 and [*map(len, of_n.values())] == [1, 1]:
        return of_n["h"][0]
    of_input = [name for name, kind in kinds.items() if kind == "bias_ih"]
    others = [name for name in kinds if name not in of_input]
    if len(kinds) != 2 or len(of_input) != 1 or {*kinds.values()} - {"bias_ih", "bias_hh", "bias"}:
        return None
    by_letter = not of_input[0].endswith("u") and re.search(r"(^|[._])b(ias)?_?h", others[0].lower())
    return others[0] if kinds[others[0]] == "bias_hh" or by_letter else None


_WAYS: tuple[Callable[[str, str], str], ...] = (
    lambda part, word: "*" if part == word else "",
    lambda part, word: f"{part[: -len(word)]}*" if part.endswith(word) and part != word else "",
    lambda part, word: f"*{part[1]}" if len(part) == 2 and part[0] == word else "",
    lambda part, word: f"{part[::2]}*" if len(part) == 3 and part[0] in "wub" and part[1] == word else "",
)


def _split_by_gate(name: str, cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield the ways to take the word of a gate out of a name: a part of it, the end of a part, or its start."""
    lower = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name).lower()
    lower = re.sub(r"block_?input|input_?node", "g", lower)  # as Greff et al., and Zhang et al., call the candidate
    parts = re.split(r"([._]+)", re.sub(r"(?<=[a-z])_?gate(?=[._]|$)", "", lower))
    for way, (at, part) in itertools.product(_WAYS, enumerate(parts)):
        for gate, known in _GATE_WORDS[cell.name].items():
            for word in known if part not in _NO_GATE else ():
                if told := way(part, word):
                    yield "".join([*parts[:at], told, *parts[at + 1 :]]), gate
    for gate, known in _GATE_WORDS[cell.name].items():  # said twice: input_gate.W_xi
        without = [part if part in _NO_GATE else _without_a_word(part, known) for part in parts]
        if sum(one != part for one, part in zip(without, parts, strict=True)) > 1:
            yield "".join(without), gate


def _without_a_word(part: str, words: Iterable[str]) -> str:
    """Return a part of a name without the first of these words that it holds, the longest first."""
    known = sorted(words, key=lambda word: (-len(word), word))
    return next((told for way in _WAYS for word in known if (told := way(part, word))), part)


def _kind(parts: list[str]) -> Kind | None:
    last = parts[-1] if parts else ""
    owner = parts[-2] if len(parts) > 1 else ""
    dotted = ".".join(parts)
    if _READOUT.search(dotted) and not _INPUT_WEIGHT.search(owner or "-"):
        return "readout"
    is_bias = bool(re.match(r"(bias|b)($|_|[a-z]{1,3}$)", last)) or last.endswith(("_bias", "_b"))
    is_bias = is_bias or (owner in ("b", "bias", "biases") and last not in ("weight", "w", "kernel"))
    told = _INPUT_WEIGHT.search(owner) or _STATE_WEIGHT.search(owner)
    if owner and (last in ("weight", "w", "bias", "b") or (last == "kernel" and told)):  # i2h.weight
        last = owner
    elif is_bias:
        last = re.sub(r"^(bias|b)_?", "", last).removesuffix("_bias").removesuffix("_b")
    else:
        last = re.sub(r"^(weights?)_?", "", last).removesuffix("_weight").removesuffix("_weights")
    of_input, of_state = _INPUT_WEIGHT.search(last), _STATE_WEIGHT.search(last)
    if of_input and of_state:  # the longer match says more: "hh" ends with "h", "xh" too
        of_input, of_state = (of_input, None) if of_input.start() <= of_state.start() else (None, of_state)
    if is_bias:
        if last in ("", "h", "a", "hidden", "s"):
            return "bias"
        return "bias_ih" if of_input else "bias_hh" if of_state else "bias"
    if of_input or of_state:
        return "weight_ih" if of_input else "weight_hh"
    return "weight" if _CONCAT.search(last or owner) else None
