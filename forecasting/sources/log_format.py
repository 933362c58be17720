"""nginx's `log_format` as a pattern: the string of the configuration is all that is needed to read its lines.

Variables that tell when, who, what and how it was answered are taken; all others are passed over. A value ends where
the text after its variable begins; nginx writes quotes and control characters inside values as `\\xXX`, so that no
value runs past its quotes.
"""

import re

from forecasting.core.errors import InputError

TIMES = {
    "time_local": r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}",
    "time_iso8601": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d|Z)",
    "msec": r"\d{9,11}\.\d{3}",
}
CHAIN = r"[^\s,|]+(?:, ?[^\s,|]+)*"
CLIENTS = ("remote_addr", "http_x_forwarded_for", "realip_remote_addr", "http_x_real_ip")
PATHS = ("request", "request_uri", "uri")
OTHERS = ("request_method", "status", "http_user_agent")
_SHAPED = {**TIMES, "http_x_forwarded_for": CHAIN, "proxy_add_x_forwarded_for": CHAIN}
_KNOWN = {*TIMES, *CLIENTS, *PATHS, *OTHERS}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def log_pattern(text: str) -> re.Pattern[bytes]:
    """Return the pattern of a `log_format`, with a group for each variable that is of use; raises InputError."""
    text = " ".join(text.split()) if "\n" in text else text.strip()
    pattern, place, seen = "", 0, set[str]()
    variables = list(_VARIABLE.finditer(text))
    names = [variable[1] or variable[2] for variable in variables]
    for number, (variable, name) in enumerate(zip(variables, names, strict=True)):
        literal = text[place : variable.start()]
        place = variable.end()
        follower = names[number + 1] if number + 1 < len(names) and variables[number + 1].start() == place else ""
        if follower and follower not in ("request_uri", "uri"):
            raise InputError(f"--log-format: nothing stands between ${name} and ${follower}; their values run together")
        value = _SHAPED.get(name) or _until("/" if follower else text[place : place + 1])
        taken = name in _KNOWN and name not in seen
        seen.add(name)
        pattern += re.escape(literal) + (f"(?P<{name}>{value})" if taken else f"(?:{value})")
    for kind, either in (("time", tuple(TIMES)), ("path", PATHS), ("status", ("status",))):
        if not seen & set(either):
            wanted = " or ".join(f"${name}" for name in either)
            raise InputError(f"--log-format: no {kind} in it; expected {wanted}")
    return re.compile((pattern + re.escape(text[place:])).encode())


def _until(end: str) -> str:
    """Return the pattern of a value that ends before the character `end`, or with the line."""
    return f"[^{re.escape(end)}\r\n]*"
