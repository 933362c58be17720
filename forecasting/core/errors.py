"""The one error of this package that a user can cause and cure."""


class InputError(ValueError):
    """Input that cannot be used; the message names the place, what was expected and what to do."""
