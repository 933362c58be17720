"""Classes and rooms: no spelling of a path walks around a room or becomes express."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.classify import DEFAULT_CLASSES, Classifier, RequestClass, normalise, origin_form

CLASSIFIER = Classifier(
    classes=DEFAULT_CLASSES, rooms={"booking": ("/booking", "/slots"), "urgent": ("/booking/urgent",)}
)
EVERYWHERE = Classifier(classes=DEFAULT_CLASSES, rooms={"all": ("/",)})

CONFUSIONS = [
    "/BOOKING",
    "/Booking/new",
    "//booking",
    "///booking//new",
    "/booking/",
    "/%62ooking",
    "/%2562ooking",
    "/.%2Fbooking",
    "/%2Fbooking",
    "/x%2F..%2Fbooking",
    "/booking;jsessionid=1",
    "/booking;x/new",
    "/;x/booking",
    "/%3Bx/booking",
    "/./booking",
    "/x/../booking",
    "/x/..;y/booking",
    "/x/%2e%2e/booking",
    "/booking.",
    "/booking/new.",
    "/booking%20",
    "/booking/...",
    "\\booking",
    "/x\\..\\booking",
    "/x/..%5cbooking",
]
EXPRESS = [("GET", "/style.css"), ("GET", "/healthz"), ("POST", "/login"), ("POST", "/x/7/cancel")]


@pytest.mark.parametrize("path", CONFUSIONS)
def test_no_spelling_of_a_path_walks_around_a_room(path: str) -> None:
    """Case, slashes, encoding, parameters, dots and backslashes lead to the room that the plain path has."""
    seen = CLASSIFIER.classify("GET", path)
    assert seen.room == "booking"
    assert seen.request_class.express is False


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/booking#x", "/booking"),
        ("/slots?a=1#b.css", "/slots?a=1"),
        ("http://portal/booking", "/booking"),
        ("http://portal", "/"),
        ("http://portal?x/booking", "/?x/booking"),
        ("https://portal/slots?next=http://x/", "/slots?next=http://x/"),
        ("/redirect?to=http://x/", "/redirect?to=http://x/"),
        ("//portal/booking", "//portal/booking"),
        ("/a%2Fb//c;d?e=%20", "/a%2Fb//c;d?e=%20"),
        ("*", "*"),
    ],
)
def test_a_request_target_is_read_as_the_node_will_read_it(target: str, sent: str) -> None:
    """Scheme, authority and fragment are not part of the path; everything else stays as it was sent."""
    assert origin_form(target) == sent


@given(st.sampled_from(CONFUSIONS), st.sampled_from(["", "/", "/x", "?a=b", "#f", "/../booking"]))
def test_what_is_normal_stays_as_it_is(path: str, end: str) -> None:
    """Normalising twice changes nothing more."""
    once = normalise(path + end)
    assert normalise(once) == once
    assert once.startswith("/")
    assert "//" not in once


@given(st.text(max_size=60))
def test_any_path_has_a_class_and_a_room_of_everything(path: str) -> None:
    """Whatever a client writes as a path is classified, and a room on `/` covers all of it."""
    for method in ("GET", "POST", "BREW"):
        assert EVERYWHERE.classify(method, path).room == "all"


@pytest.mark.parametrize(("method", "path"), EXPRESS)
def test_plain_express_paths_are_express(method: str, path: str) -> None:
    """What frees capacity or costs nothing never queues."""
    assert EVERYWHERE.classify(method, path).request_class.express is True


def twisted(path: str) -> list[str]:
    """Spellings of an express path that a backend may read as another one."""
    first, rest = path[1], path[2:]
    return [
        f"/%{ord(first):02x}{rest}",
        f"/%25{ord(first):02x}{rest}",
        f"/x/..{path}",
        f"/x/%2e%2e{path}",
        f"/x/..;{path}",
        f"/.{path}",
        f"/{path}",
        f"\\{path[1:]}",
        f"/booking;{path}",
        f"/booking%2F..{path}",
        f"/booking%00{path}",
        f"{path};/../booking/x",
    ]


@pytest.mark.parametrize(
    ("method", "path"), [(method, bad) for method, path in EXPRESS for bad in twisted(path)], ids=str
)
def test_twisted_express_paths_queue(method: str, path: str) -> None:
    """An express path that is not written plainly is an ordinary visit."""
    assert EVERYWHERE.classify(method, path).request_class.express is False


@given(st.text("/.;%\\aA2fFcs5e? #", max_size=24))
def test_express_is_only_what_is_plain(path: str) -> None:
    """No mixture of slashes, dots, parameters and escapes before `.css` is express, unless it is a plain path."""
    full = f"/{path}.css"
    if CLASSIFIER.classify("GET", full).request_class.express:
        assert normalise(full) == full.lower()
        assert not set("%;\\") & set(full)


def test_the_method_counts() -> None:
    """A class holds for its methods only: reading a cancel page is a visit, posting it is not."""
    names = {m: EVERYWHERE.classify(m, "/bookings/7/cancel").request_class.name for m in ("GET", "POST", "get")}
    assert names == {"GET": "visit", "POST": "cancel", "get": "visit"}
    assert EVERYWHERE.classify("DELETE", "/bookings/7").request_class.name == "cancel"


def test_the_first_class_that_fits_wins() -> None:
    """Classes are tried in their order, whatever follows."""
    one, two = RequestClass(name="one", paths=("/a/*",)), RequestClass(name="two", paths=("*",), express=True)
    for order, expected in (((one, two), "one"), ((two, one), "two")):
        assert Classifier(classes=order, rooms={}).classify("GET", "/a/b").request_class.name == expected


def test_the_longest_prefix_gives_the_room() -> None:
    """Of two rooms that cover a path the more specific one protects it, in whatever order they stand."""
    for rooms in itertools.permutations(CLASSIFIER.rooms.items()):
        classifier = Classifier(classes=(), rooms=dict(rooms))
        assert classifier.classify("GET", "/booking/urgent/1").room == "urgent"
        assert classifier.classify("GET", "/booking/1").room == "booking"


@pytest.mark.parametrize("path", ["/bookings", "/book", "/", "/x/booking", "/slotsx", "/booking-help"])
def test_a_room_covers_whole_segments(path: str) -> None:
    """A path that only begins with the same letters is not in the room."""
    assert CLASSIFIER.classify("GET", path).room is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "a", "paths": ()}, "paths"),
        ({"name": "a", "paths": ("x",)}, "paths"),
        ({"name": "A b", "paths": ("/",)}, "class name"),
        ({"name": "a", "paths": ("/",), "methods": ("get",)}, "methods"),
    ],
)
def test_impossible_classes_are_refused(values: dict[str, object], said: str) -> None:
    """A class without usable paths, name or methods is refused by the name of the field."""
    with pytest.raises(ValueError, match=said):
        RequestClass(**values)  # type: ignore[arg-type]
