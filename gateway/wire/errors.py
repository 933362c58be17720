"""What goes wrong on a wire."""


class NodeUnreachable(Exception):
    """No connection to the node could be made; nothing was sent."""


class NodeBroke(Exception):
    """The node closed the connection, or sent what is no HTTP, before its answer was whole."""


class BodyBroken(Exception):
    """The visitor's body ended too early, or is not framed as HTTP demands."""


class BodyTooSlow(BodyBroken):
    """The visitor's body did not come in time."""
