"""The portal's pages as plain HTML: links and forms only, usable without JavaScript."""

from collections.abc import Sequence
from html import escape

from loadtests.backend.inventory import Booking, BookingState

_STYLE = (
    "body{font:1.1rem/1.5 sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}"
    "a{color:#0b5394}button{font:inherit;padding:.4rem 1rem}li{margin:.3rem 0}fieldset{margin:1rem 0}"
)


def home() -> str:
    """The portal's front page, with the way to the doctors."""
    return _page("Doctor booking", '<p><a href="/doctors">Book an appointment</a></p>')


def doctors(count: int) -> str:
    """A link to the free times of each doctor."""
    items = "".join(f'<li><a href="/doctors/{n}/slots">Doctor {n}</a></li>' for n in range(1, count + 1))
    return _page("Choose a doctor", f"<ul>{items}</ul>")


def slots(doctor: int, free: Sequence[int], key: str) -> str:
    """A form with the free times of a doctor; `key` makes a repeated submission harmless."""
    if not free:
        return _page(f"Doctor {doctor}", '<p>No free times.</p><p><a href="/doctors">Choose another doctor</a></p>')
    radios = "".join(
        f'<li><label><input type="radio" name="slot" value="{slot}" required{" checked" if n == 0 else ""}>'
        f" Time {slot}</label></li>"
        for n, slot in enumerate(free)
    )
    return _page(
        f"Free times of doctor {doctor}",
        f'<form method="post" action="/bookings"><input type="hidden" name="key" value="{escape(key)}">'
        f"<fieldset><legend>Free times</legend><ul>{radios}</ul></fieldset>"
        '<p><label>Your name <input name="person" required maxlength="200" autocomplete="name"></label></p>'
        '<p><button type="submit">Hold this time</button></p></form>',
    )


def held(booking: Booking) -> str:
    """A held time, with the buttons that confirm it or give it back."""
    if booking.state is not BookingState.HELD:
        return settled(booking)
    at = f"/bookings/{escape(booking.id)}"
    return _page(
        "Time held for you",
        f"<p>Time {booking.slot} is held for {escape(booking.person)}.</p>"
        f'<form method="post" action="{at}/confirm"><p><button type="submit">Confirm the appointment</button>'
        f'</p></form><form method="post" action="{at}/cancel"><p><button type="submit">Give the time back'
        "</button></p></form>",
    )


def settled(booking: Booking) -> str:
    """What became of a booking in the end, with its reference."""
    reference = f'<p>Reference: <strong id="reference">{escape(booking.id)}</strong></p>'
    if booking.state is BookingState.CANCELLED:
        return _page("Appointment cancelled", f"<p>Time {booking.slot} is free again.</p>{reference}")
    return _page(
        "Appointment booked",
        f"<p>Your appointment is booked: time {booking.slot}, {escape(booking.person)}.</p>{reference}"
        f'<form method="post" action="/bookings/{escape(booking.id)}/cancel">'
        '<button type="submit">Cancel the appointment</button></form>',
    )


def taken(doctor: int) -> str:
    """Somebody else was faster."""
    return _page("This time is taken", f'<p>Please <a href="/doctors/{doctor}/slots">choose another time</a>.</p>')


def problem(sentence: str) -> str:
    """Why a request could not be served."""
    return _page("This did not work", f'<p>{escape(sentence)}</p><p><a href="/">Start again</a></p>')


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
