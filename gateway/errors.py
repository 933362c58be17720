"""Errors that a caller treats differently; every other exception is a defect."""


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, key and what was expected."""


class StoreUnavailable(Exception):
    """The store did not answer in time or refused the command; the state there is unknown."""


class UpstreamFailed(Exception):
    """A node gave no usable answer; `kind` is connect, read, timeout or overloaded."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


class VisitorFailed(Exception):
    """The visitor's own request broke off, came too slowly or is too large; `status` and `code` are its answer."""

    def __init__(self, status: int, code: str, title: str) -> None:
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
