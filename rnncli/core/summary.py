"""Many cases in few words: how many came to each verdict, and what the failing ones have in common."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rnncli.core.cells import CELLS
from rnncli.core.records import CaseRecord, RunRecord, Verdict, printable
from rnncli.core.tally import Tally, leaves_of
from rnncli.core.words import are, call, explained_by, initial, shape_disagreements

MOST_ARGUMENTS = 6
MOST_VALUES = 8


def conclusion(record: RunRecord) -> str:
    """Return the run in a line: 96 cases: 48 mismatch, 48 match; all 48 failures have bidirectional=true."""
    tally = record.tally
    missing = (f"INCOMPLETE: {reason}" for reason in record.missing)
    told = [counts(tally), common(tally), diagnoses(tally), not_comparable(tally), *unmet(record), *missing]
    return "; ".join(filter(None, told))


def unmet(record: RunRecord) -> Iterator[str]:
    """Yield why a run fails although no case of it does: nothing was compared, or --strict asks for more."""
    tally = record.tally
    if tally.cases and not tally.compared and record.command == "verify" and not (tally.failing or tally.kinds):
        yield "output was compared in no case, so this is no pass"
    yield from unmet_by_strict(record)


def unmet_by_strict(record: RunRecord) -> Iterator[str]:
    """Yield what --strict asks for that a run does not meet."""
    tally = record.tally
    if record.strict and tally.open_checks:
        why = next(iter(tally.partly_open), "")
        yield f"--strict: {are(tally.open_checks, 'check')} not-comparable" + (f"; {why}" if why else "")
    if record.strict and tally.unseen:
        yield f"--strict: {are(tally.unseen, 'fault')} not visible"


def cases(count: int) -> str:
    """Return a number of cases: 1 case, 96 cases."""
    return f"{count} case{'' if count == 1 else 's'}"


def counts(tally: Tally) -> str:
    """Return how many cases came to each verdict: 96 cases: 48 mismatch, 48 match."""
    counted = {str(verdict): tally.verdicts[verdict] for verdict in Verdict} | {"failed to run": tally.kinds.total()}
    order = ("mismatch", "failed to run", "not-comparable", "match")
    parts = ", ".join(f"{counted[name]} {name}" for name in order if counted[name])
    return f"{cases(tally.cases)}: {parts}" if parts else cases(tally.cases)


def common(tally: Tally) -> str | None:
    """Return the values that all failing cases have and others have not; None for none, or where one case failed."""
    failures = len(tally.failing)
    shared = telling({pair for pair, count in tally.failed.items() if count == failures}, tally)
    return f"all {failures} failures have {' and '.join(shared)}" if failures > 1 and shared else None


def telling(shared: set[tuple[str, str]], tally: Tally) -> list[str]:
    """Return, of the values that some cases share, those that other cases of the run have not, the rarest first."""
    found = sorted((pair for pair in tally.every if pair in shared), key=lambda pair: tally.every[pair])
    found = [pair for pair in found if tally.every[pair] < tally.cases]
    return [f"{short(leaf)}={value}" for leaf, value in found[:MOST_ARGUMENTS]]


def diagnoses(tally: Tally) -> str | None:
    """Return the diagnoses of the mismatches, the most frequent first."""
    found = tally.diagnoses.most_common(MOST_ARGUMENTS)
    if not found:
        return None
    alone = len(found) == 1 and found[0][1] == len(tally.failing)
    return f"diagnosis: {found[0][0] if alone else ', '.join(f'{what} ({count})' for what, count in found)}"


def verdicts_of(tally: Tally) -> list[Verdict]:
    """Return the verdicts that checks of the run came to."""
    return [verdict for verdict in Verdict if any(counted[verdict] for counted in tally.checks.values())]


def not_comparable(tally: Tally) -> str | None:
    """Return the most frequent reason why cases could not be compared."""
    if not tally.left_open:
        return None
    (why, count), *others = tally.left_open.most_common()
    more = f", and {len(others)} other reason{'' if len(others) == 1 else 's'}" if others else ""
    return f"not-comparable: {why} ({count}{more})"


def heading(record: RunRecord) -> str:
    """Return what was run, in a line: verify: manual, bmm against nn.RNN; rnncli 0.1.0, torch 2.13.0."""
    told = f"{record.command}: {candidates(record)} against {layers(record)}"
    return "; ".join(filter(None, [told, versions(record)]))


def candidates(record: RunRecord) -> str:
    """Return the names of the candidates, the first of them where they are many."""
    names = [printable(name) for name in record.tally.candidates]
    return ", ".join(names[:MOST_VALUES]) + (", ..." if len(names) > MOST_VALUES else "")


def layers(record: RunRecord) -> str:
    """Return the names of torch's layers that the cases are held against: nn.RNN, nn.GRU and nn.LSTM."""
    *first, last = [CELLS[name].layer for leaf, name in record.tally.every if leaf == "rnn.cell"] or ["nn.RNN"]
    return f"{', '.join(first)} and {last}" if first else last


def versions(record: RunRecord) -> str:
    """Return the versions a run was made with: rnncli 0.1.0, torch 2.13.0."""
    environment = record.environment or {}
    return ", ".join(f"{name} {environment[name]}" for name in ("rnncli", "torch") if environment.get(name))


def threads(record: RunRecord) -> str:
    """Return the number of torch's threads that a run was made with: 2 threads."""
    count = (record.environment or {}).get("threads")
    return f"{count} thread{'' if count == 1 else 's'}"


def varying(cases: Sequence[CaseRecord]) -> dict[str, dict[str, str]]:
    """Return, by id, the leaves of each case in which cases differ, and their values."""
    leaves = {case.id: dict(leaves_of(case.config)) for case in cases}
    first = next(iter(leaves.values()), {})
    differ = [leaf for leaf in first if len({values.get(leaf) for values in leaves.values()}) > 1]
    return {id: {leaf: values.get(leaf, "") for leaf in differ} for id, values in leaves.items()}


def by_argument(tally: Tally) -> Iterator[tuple[str, list[tuple[str, int, int]]]]:
    """Yield the arguments on which it depends whether a case fails, the most telling first: for each of its values, how
    many cases fail and how many there are.
    """
    values: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for (leaf, value), count in tally.every.items():
        values[leaf].append((value, tally.failed[leaf, value], count))
    telling = {leaf: found for leaf, found in values.items() if 1 < len(found) <= MOST_VALUES and _spread(found) > 0.1}
    for leaf in sorted(telling, key=lambda leaf: -_spread(telling[leaf]))[:MOST_ARGUMENTS]:
        yield short(leaf), sorted(telling[leaf], key=lambda found: (-found[1] / found[2], found[0]))


def _spread(found: list[tuple[str, int, int]]) -> float:
    shares = [failing / count for _, failing, count in found]
    return (max(shares) - min(shares)) / max(shares) if max(shares) else 0.0


def short(leaf: str) -> str:
    """Return a leaf as torch calls it: num_layers for rnn.num_layers."""
    return leaf.rpartition(".")[2]


def arguments(case: CaseRecord) -> str:
    """Return torch's layer and the rest of a case, in short: nn.RNN(3, 5, num_layers=2), packed, float32."""
    run, train = case.config["run"], ", train" * case.config["run"]["train"]
    return f"{call(case)}, {case.config['input']['layout']}, {initial(case)}, {run['dtype']}{train}"


def reason(case: CaseRecord) -> str:
    """Return in a line why a case fails: what could not be run, what differs where, and the diagnosis."""
    if case.error:
        return case.error.message.splitlines()[0]
    if case.verdict == Verdict.NOT_COMPARABLE:
        return case.why_not_compared
    if case.checks is None and case.timing is not None:  # of bench, which keeps no checks
        return f"it does not compute what {case.cell.layer} computes"
    first = next((check for check in case.checks or () if check.verdict == Verdict.MISMATCH), None)
    if first is None:
        return next(shape_disagreements(case), "the shapes are not as expected")
    more = len(case.tensors(Verdict.MISMATCH)) - 1
    others = f" and {more} more" if more else ""
    found = " and ".join(explained_by(case))
    said = f"{first.tensor}{others} ({first.stage} {first.dtype}): {first.reason or 'other values'}"
    return f"{found}: {said}" if found else said
