"""Reading the gateway's own cookies among all those that a visitor sends.

Tokens need no quotes and no escapes, so nothing of the grammar of cookies is needed: a general parser costs more than
the rest of a status poll.
"""

MAX_VALUES = 3


def cookie_values(fields: str, name: str) -> list[str]:
    """Return what the cookies called `name` hold, the first few of them, empty ones left out.

    A neighbouring site of the same domain may have set a second one; neither hides the other.
    """
    if name not in fields:
        return []
    pairs = (pair.partition("=") for pair in fields.split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name and value.strip()][:MAX_VALUES]
