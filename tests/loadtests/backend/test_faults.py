"""Faults on demand: what is understood, and who is hit."""

import pytest

from loadtests.backend.faults import Fault, FaultKind, fault_from, parse_fault


def test_a_fault_is_read_from_one_option() -> None:
    """Kind and fields are read from the form that the command line takes."""
    assert parse_fault("slow:factor=3,share=0.5,seconds=20") == Fault(
        kind=FaultKind.SLOW, factor=3, share=0.5, seconds=20
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("broken", "kind: expected one of error, slow, hang, refuse, none"),
        ("slow:factor", "name=value"),
        ("slow:factor=many", "factor: expected a number"),
        ("slow:size=3", "size: unknown"),
        ("error:share=2", "share: expected between 0 and 1"),
    ],
)
def test_nonsense_is_refused_with_the_field(text: str, expected: str) -> None:
    """What is wrong is named together with what was expected."""
    with pytest.raises(ValueError, match=expected):
        parse_fault(text)


def test_a_fault_hits_its_share_and_ends() -> None:
    """A request is hit when its chance is below the share, until the fault's time is over."""
    fault = fault_from({"kind": "error", "share": 0.3, "seconds": 10})
    assert fault.strikes(age=5, chance=0.29)
    assert not fault.strikes(age=5, chance=0.3)
    assert not fault.strikes(age=10, chance=0.0)


def test_no_fault_hits_nobody() -> None:
    """The kind none never strikes."""
    assert not Fault().strikes(age=0, chance=0)
