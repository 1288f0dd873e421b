"""A YAML file as plain values, with the file and line each of them stands at; and plain values as YAML."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path
from typing import Any

import yaml

from rnncli.core.errors import ConfigError, KeyPath, dotted, nearest, shown

LARGEST_FILE = 1_000_000  # bytes


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without aliases, and with the numbers of YAML 1.2: 1e-3 is one, 1:30 is none, 017 is 17."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            problem = f"alias *{event.anchor} is not supported, write the value out"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)


_INTEGER, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_NUMBERS = {
    _INTEGER: re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"),
    _FLOAT: re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NUMBERS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, _pattern in _NUMBERS.items():
    _Loader.add_implicit_resolver(_kind, _pattern, list("-+.0123456789"))


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = str(loader.construct_scalar(node))
    if not _NUMBERS[node.tag].match(text):
        raise ValueError(text)
    if node.tag == _INTEGER:
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    return float(text.replace(".inf", "inf").replace(".nan", "nan") if text[-1].isalpha() else text)


_Loader.add_constructor(_INTEGER, _number)
_Loader.add_constructor(_FLOAT, _number)

_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")  # in no name of a file, and in nothing that can be printed
_SUFFIXES = (".yaml", ".yml")
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """Return the values of a YAML file, and the file and line of each."""
    text = _read_text(path)
    places: dict[KeyPath, str] = {(): str(path)}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = None if node is None else _plain(loader, node, (), places, path)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        context = f"{error.context}, " if error.context else ""
        raise ConfigError(f"{path}{line}: not a config: {context}{error.problem}{_as_named(path)}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not a YAML text: {' '.join(str(error).split())}") from None
    except (ValueError, OverflowError):
        number = loader.get_mark().line + 1
        raise ConfigError(f"{path}:{number}: not a config: an escape that stands for no character") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deep; allowed: sections with keys, as in rnncli schema") from None
    if values is None:
        raise ConfigError(f"{path}: it holds no keys; a config has keys such as rnn, input, run (rnncli schema)")
    if not isinstance(values, dict):
        allowed = "a mapping with keys rnn, input, run, ..."
        raise ConfigError(f"{path}:1: {shown(values)} is not allowed; allowed: {allowed}{_as_named(path)}")
    return values, places


def read_value(text: str) -> Any:
    """Return a text as the value it would be in YAML; one that is no YAML stays a text."""
    try:
        return yaml.load(text, Loader=_Loader)  # it is a SafeLoader
    except (yaml.YAMLError, ValueError, LookupError, OverflowError, AttributeError, TypeError, RecursionError):
        return text


@contextmanager
def requires_file(path: Path, allowed: str, suffixes: Sequence[str]) -> Iterator[None]:
    """Raise ConfigError where `path` is no file that can be read; `allowed` says which are, `suffixes` their names."""
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a directory; allowed: {allowed}")
        yield
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file{nearest_file(path, suffixes)}; allowed: {allowed}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def nearest_file(file: Path, suffixes: Sequence[str]) -> str:
    """Return a clause for a message: " (did you mean configs/smoke.yaml?)", of the files in the folder of one that is
    missing; the folder where that is missing too.
    """
    if not file.parent.is_dir():
        return f" and no folder {file.parent}"
    beside = [other for other in sorted(file.parent.iterdir()) if other.suffix in suffixes]
    by_name, by_stem = {other.name: other for other in beside}, {other.stem: other for other in beside}
    for typed, named in ((file.name, by_name), (file.name.partition(".")[0], by_stem)):
        hints = {f" (did you mean {name}?)": other for name, other in named.items()}
        if other := hints.get(nearest(typed, named)):
            return f" (did you mean {other}?)"
    return ""


def _read_text(path: Path) -> str:
    source, _, name = path.name.partition(":")
    if source.endswith((".py", ".ipynb")):
        remedy = f"To judge an RNN in it: rnncli verify {path if name else path.with_name(source)}"
        raise ConfigError(f"{path}: holds Python; allowed: a YAML file. {remedy}")
    with requires_file(path, f"a YAML file{_held_by(path)}", _SUFFIXES), path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"{path}: larger than {LARGEST_FILE} bytes; allowed: a YAML file of a few lines")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file (byte {error.start} is not UTF-8); allowed: a YAML file") from None


def _as_named(path: Path) -> str:
    """Return a sentence for a message about a file that is not called as a config is."""
    return "" if path.suffix in _SUFFIXES else "; a config has a name that ends in .yaml, code to judge one in .py"


def _held_by(folder: Path) -> str:
    """Return a clause for a message that names what a folder holds: its configs by a pattern, its code by a file."""
    if glob("*.yaml", root_dir=folder):
        return f", or the pattern '{folder / '*.yaml'}'"
    code = glob("*.py", root_dir=folder)
    return (
        f". To judge an RNN in it: rnncli verify {folder / (code[0] if len(code) == 1 else 'FILE.py')}" if code else ""
    )


def _plain(loader: _Loader, node: yaml.Node, path: KeyPath, places: dict[KeyPath, str], file: Path) -> Any:
    at = f"{file}:{node.start_mark.line + 1}"
    places.setdefault(path, at)
    if node.tag not in _PLAIN_TAGS:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        raise ConfigError(f"{at}: {dotted(path)}: tag {tag} is not supported; write a plain value")
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = f"{file}:{key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{place}: a key that is not a name; allowed: plain names")
            if _NO_CHARACTER.search(key):
                raise ConfigError(f"{place}: {dotted((*path, key))}: a key with a character that no name has")
            if key in values:
                first = places[*path, key]
                raise ConfigError(f"{place}: {dotted((*path, key))}: duplicate key, first given at {first}")
            places[*path, key] = place
            values[key] = _plain(loader, value_node, (*path, key), places, file)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, inner, (*path, index), places, file) for index, inner in enumerate(node.value)]
    kind, value = node.tag.rpartition(":")[2], None
    with suppress(ValueError, LookupError):
        value = loader.construct_object(node) if kind not in ("map", "seq") else None
    if value is None and kind != "null":
        kinds = {"int": "a number", "float": "a number", "bool": "true or false", "map": "a mapping", "seq": "a list"}
        raise ConfigError(f"{at}: {dotted(path)}: {shown(node.value)} cannot be read as {kinds[kind]}")
    if isinstance(value, str) and _NO_CHARACTER.search(value):
        raise ConfigError(f"{at}: {dotted(path)}: {shown(value)} has a character that no name has")
    return value


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _list_on_a_line(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers  # what the loader would read as a number is quoted
_Dumper.add_representer(list, _list_on_a_line)


def write_yaml(values: dict[str, Any]) -> str:
    """Return plain values as YAML: keys in their order, a list on one line."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False)
