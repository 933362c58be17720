"""Place codes: a bijection with a check, read as people write, worth nothing elsewhere."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import place_code
from gateway.core.keyring import KeyRing
from gateway.core.place_code import AHEAD, ALPHABET, CodeSpace, Place, decode, encode

KEYS = KeyRing({"k1": bytes(32)})
LANES = ("urgent", "regular")
SPACE = CodeSpace(room="booking", epoch="e1", lanes=LANES, issued={"urgent": 10, "regular": 50_000_000})
LOW = 50_000_000 - 2**24 + AHEAD + 1
NUMBERS = st.integers(LOW, 50_000_000 + AHEAD)


@given(NUMBERS)
def test_a_place_is_read_back(number: int) -> None:
    """Every number near the lane's counter comes back from its code, a lane's first ones too."""
    for place in (Place(lane="regular", number=number), Place(lane="urgent", number=number % 60_000 + 1)):
        code = encode(place, SPACE, KEYS)
        assert len(code) == 9
        assert set(code) <= set(ALPHABET) | {"-"}
        assert decode(code, SPACE, KEYS) == [place]


@given(st.integers(0, 2**40 - 1))
def test_the_permutation_is_a_bijection(value: int) -> None:
    """Undoing is the exact inverse of the rounds, so no two places share a code."""
    left, right = value >> 20, value & 0xFFFFF
    key = bytes(32)
    for turn in range(10):
        left, right = right, left ^ place_code._mix(key, turn, right)
    assert place_code._undo(left << 20 | right, key) == value


def test_neighbours_have_unlike_codes() -> None:
    """From one code the next cannot be seen: all differ, and each position takes all letters about equally."""
    codes = [encode(Place(lane="regular", number=LOW + n), SPACE, KEYS).replace("-", "") for n in range(4000)]
    assert len(set(codes)) == 4000
    for position in range(8):
        counts = Counter(code[position] for code in codes)
        assert len(counts) == 32
        assert max(counts.values()) < 4000 / 32 * 1.6


@given(NUMBERS, st.randoms(use_true_random=False))
def test_it_is_read_as_people_write_it(number: int, chance: object) -> None:
    """Lower case, spaces, dashes and look-alikes of other alphabets make no difference."""
    place = Place(lane="regular", number=number)
    code = encode(place, SPACE, KEYS)
    alike = {"0": "OoО", "1": "IilL", "A": "А", "B": "ВБ"[:1], "C": "С", "E": "Ее", "H": "Н", "K": "К", "M": "М"}
    alike |= {"P": "Р", "T": "Т", "X": "х", "V": "uU", "Y": "У", "3": "З"}
    written = "".join(chance.choice(alike.get(c, c) + c) for c in code)  # type: ignore[attr-defined]
    for text in (written, written.lower(), f" {written} ", " ".join(written.replace("-", "")), code.replace("-", "–")):
        assert decode(text, SPACE, KEYS) == [place]


@given(st.text(max_size=60))
def test_any_text_is_read_or_means_nothing(text: str) -> None:
    """Reading never fails, and texts of another length mean nothing."""
    found = decode(text, SPACE, KEYS)
    assert all(place.number >= 1 and place.lane in LANES for place in found)


def test_one_mistyped_character_is_noticed() -> None:
    """Almost every single mistake reads as no place at all."""
    code = encode(Place(lane="regular", number=49_999_000), SPACE, KEYS).replace("-", "")
    wrong = [code[:at] + c + code[at + 1 :] for at in range(8) for c in ALPHABET if c != code[at]]
    assert sum(bool(decode(text, SPACE, KEYS)) for text in wrong) <= 2


@pytest.mark.parametrize(
    "elsewhere",
    [replace(SPACE, room="tests"), replace(SPACE, epoch="e2"), replace(SPACE, lanes=("regular", "urgent"))],
    ids=["room", "epoch", "lanes"],
)
def test_a_code_means_nothing_elsewhere(elsewhere: CodeSpace) -> None:
    """In another room, after the room was made anew, or with other lanes, hardly any code reads as a place."""
    codes = [encode(Place(lane="regular", number=LOW + n), SPACE, KEYS) for n in range(2000)]
    assert sum(bool(decode(code, elsewhere, KEYS)) for code in codes) <= 5


def test_old_codes_are_read_while_their_key_is_in_the_ring() -> None:
    """After a rotation both keys' codes read; when the old key is taken out its codes mean nothing."""
    place = Place(lane="regular", number=49_999_000)
    old, new = {"o1": bytes([1]) * 32}, {"n1": bytes([2]) * 32}
    code = encode(place, SPACE, KeyRing(old))
    assert place in decode(code, SPACE, KeyRing({**new, **old}))
    assert place not in decode(code, SPACE, KeyRing(new))
    assert encode(place, SPACE, KeyRing({**new, **old})) != code


def test_a_lane_beyond_sixteen_has_no_codes() -> None:
    """Four bits name the lane; places of further lanes are not given a code that would name another."""
    lanes = tuple(f"lane{n}" for n in range(18))
    space = CodeSpace(room="booking", epoch="e1", lanes=lanes, issued=dict.fromkeys(lanes, 5))
    assert encode(Place(lane="lane15", number=5), space, KEYS)
    assert encode(Place(lane="lane16", number=5), space, KEYS) == ""
    assert encode(Place(lane="nowhere", number=5), space, KEYS) == ""


def test_a_reading_of_the_counter_that_is_a_moment_old_does_no_harm() -> None:
    """A place just beyond what the gateway has seen of the counter is read rightly."""
    place = Place(lane="regular", number=50_000_900)
    assert decode(encode(place, SPACE, KEYS), SPACE, KEYS) == [place]
