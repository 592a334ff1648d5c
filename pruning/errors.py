"""Error of the pruning layer: one line naming owner, quantity, value and allowed range."""


class PruningError(ValueError):
    """A pruning setting, schedule, event or method's result that is not allowed."""
