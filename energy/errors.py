"""Errors of the energy layer: each message is one line naming owner, quantity, value and allowed range."""


class EnergyError(ValueError):
    """Anything that the energy layer refuses."""


class CountsError(EnergyError):
    """Event counts that cannot be priced: a wrong name, a missing one, a negative or non-integer value."""


class ProfileError(EnergyError):
    """A hardware profile that is unknown or malformed."""


class ChipError(EnergyError):
    """A chip that is unknown, or whose file is malformed."""


class FitError(EnergyError):
    """A network description that cannot be laid out on any chip: a wrong size, share, width or name."""
