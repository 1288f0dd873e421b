"""Records made up for the tests of the formats: of right, wrong and hostile candidates."""

from dataclasses import replace

from rnncli.core.case import Case, changed_by
from rnncli.core.records import (
    CaseRecord,
    Check,
    Diagnosis,
    Failure,
    Gate,
    Growth,
    RunRecord,
    TensorShape,
    Timing,
    Verdict,
)
from rnncli.report import renderer

HOSTILE = "<script>alert(1)</script>|"
NASTY = f"{HOSTILE}.py:f"
WORSE = "x\x1b[31m\x07\x00\u202e\r\n::error::boo]]> -->\"'&amp;`*_[a](javascript:1)@all#1 %0A,=1+1"


def record_of(*cases, missing=()):
    return RunRecord.of("verify", {"rnncli": "0.1.0", "torch": HOSTILE, "cuda": None}, cases, missing)


def case_of(verdict=Verdict.MATCH, candidate="manual", reason=None, error=None, diagnosis=None, **changes):
    base = Case.model_validate({"candidate": candidate})
    case = changed_by(base, {name.replace("__", "."): value for name, value in changes.items()})
    checks = [
        Check(tensor="output", stage="algorithm", dtype="float64", verdict=verdict, policy="envelope", reason=reason)
    ]
    return CaseRecord(
        id=case.id,
        config=case.config,
        verdict=None if error else verdict,
        device="cpu",
        checks=None if error else tuple(checks),
        diagnosis=diagnosis,
        replay=f"rnncli verify --candidate {candidate}" if verdict == Verdict.MISMATCH else None,
        error=Failure(kind="candidate", message=error, traceback=error) if error else None,
    )


def some(failing=lambda two, _: two):
    return [
        case_of(
            Verdict.MISMATCH if failing(bidirectional, layers) else Verdict.MATCH,
            rnn__bidirectional=bidirectional,
            rnn__num_layers=layers,
            run__seed=seed,
        )
        for bidirectional in (False, True)
        for layers in (1, 2, 3)
        for seed in range(16)
    ]


def hostile_run():
    fault = Diagnosis(id="h0-ignored", evidence=WORSE, fix=WORSE)
    return record_of(
        case_of(candidate=NASTY),
        case_of(Verdict.MISMATCH, candidate=NASTY, reason=WORSE, diagnosis=(fault,), run__seed=1),
        case_of(Verdict.NOT_COMPARABLE, candidate=NASTY, reason=WORSE, run__seed=2),
        case_of(candidate=NASTY, error=WORSE, run__seed=3),
        missing=(WORSE,),
    )


def rendered(format, record):
    return "".join(renderer(format)(record))


def in_full(**more):
    """A case that has everything a case can have."""
    case = case_of(Verdict.MISMATCH, candidate="my_rnn.py:f", reason="another equation")
    course = {"forward": (1e-7, 2e-3), "reverse": (0.0, 5e-2)}
    check = replace(case.checks[0], max_abs_error=5e-2, error_by_step=course, allowed_by_step=course)
    precise = replace(check, stage="precision", dtype="float32", reference_error_by_step=course)
    fault = Diagnosis(id="h0-ignored", evidence="it equals nn.RNN with it", fix="start from h_0")
    shape = TensorShape(name="output", axes=("L", "N"), predicted=(5, 10), reference=(5, 10), candidate=(5, 11))
    timing = Timing(
        implementation="my_rnn.py:f",
        pass_="forward",
        median_s=2e-3,
        iqr_s=1e-5,
        runs=7,
        ratio_to_reference=1.5,
        ratio_low=1.4,
        ratio_high=1.6,
    )
    return replace(
        case,
        checks=(check, precise),
        diagnosis=(fault,),
        shapes=(shape,),
        timing=(timing,),
        warnings=("be warned",),
        reading="function (input, h_0)",
        **more,
    )


def grouped():
    """A run whose failing cases are of several kinds: faults, errors, unexplained ones; and some that match."""

    def fault(*ids, **changes):
        evidence = f"it equals nn.RNN with {' and '.join(f'`{id}`' for id in ids)}, on 3 probes"
        found = tuple(Diagnosis(id=id, evidence=evidence, fix=f"undo {id}") for id in ids)
        return case_of(Verdict.MISMATCH, diagnosis=found, **changes)

    cases = [case_of(), case_of(Verdict.NOT_COMPARABLE, reason="it takes no dropout; p = 0 decides", run__seed=9)]
    cases += [fault("missing-bias-hh", rnn__num_layers=layers, run__seed=seed) for layers in (2, 3) for seed in (0, 1)]
    cases += [fault("missing-bias-hh", "h0-ignored", run__seed=2), fault("unexplained", run__seed=3)]
    cases += [case_of(error=f"shapes ({n}x6 and 3x5) do not fit", run__seed=n) for n in (4, 5)]
    return record_of(*cases)


def timed(seq_len=5, **ratios):
    """A case of `bench`: nn.RNN takes 2 ms, and each other implementation its ratio to that."""
    base = case_of(candidate="my_rnn.py:f", input__seq_len=seq_len)
    timings = tuple(
        Timing(
            implementation=name,
            pass_=pass_,
            median_s=2e-3 * ratio * seq_len,
            iqr_s=1e-4 * ratio,
            runs=9,
            ratio_to_reference=ratio,
            ratio_low=ratio * 0.9,
            ratio_high=ratio * (1.1 if name != "bmm" else 1.9),
            flops_per_s=3.2e9 / ratio,
            bytes_per_s=5.1e8,
            products_share=0.25 / ratio,
            peak_bytes=None if name == "matrix products" else 123456,
            compile_s=1.5 if name == "bmm" else None,
            wrong=True if name == "my_rnn.py:f" else None,
        )
        for pass_ in ("inference", "forward")
        for name, ratio in {"nn.RNN": 1.0, **ratios}.items()
    )
    return replace(base, checks=None, timing=timings)


RATIOS = {"manual": 0.5, "bmm": 1.2, "my_rnn.py:f": 2.5, "matrix products": 0.2}


def benched(*lengths, condition="manual.forward > 0.4"):
    """A run of `bench` over some lengths, with a gate in each case and the growth of the time."""
    cases = [timed(length, **RATIOS) for length in lengths]
    gates = [
        Gate(condition=condition, case=case.id, ratio=0.5, ratio_low=0.45, ratio_high=0.55, failed=at == 0)
        for at, case in enumerate(cases)
    ]
    growth = [
        Growth(implementation=name, pass_=pass_, exponents={"seq_len": 0.934})
        for pass_ in ("inference", "forward")
        for name in RATIOS
    ]
    environment = {"rnncli": "0.1.0", "torch": "2.13.0", "threads": 2}
    return RunRecord.of("bench", environment, cases, growth=growth if len(cases) > 1 else (), gates=gates)
