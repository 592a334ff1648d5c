"""Learning rates that fall over the images: plateau, then exponential decay."""

from __future__ import annotations

from decimal import Decimal, localcontext


def annealing_factor(image: int, n_images: int, start: float, end: float, every_images: int = 1) -> Decimal:
    """Factor of mu_pre, mu_post and theta_plus at a training image; 1 at first, ``end`` towards the last.

    ``end ** ((i - s) / (n - s))`` with ``i`` the image rounded down to a multiple of ``every_images`` and
    ``s = start * n``; 1 before ``s``. Computed in decimal arithmetic, so every machine has the same factors.

    Parameters
    ----------
    image : int
        Number of the image, from 0.
    n_images : int
        Images of the whole run, at least 1.
    start : float
        Share of the images before the decay begins, 0..1.
    end : float
        Factor that the decay would reach after the last image, above 0 and at most 1.
    every_images : int
        The factor changes only at multiples of this.

    Examples
    --------
    >>> annealing_factor(0, 100, 0.5, 0.01)
    Decimal('1')
    >>> float(annealing_factor(75, 100, 0.5, 0.01))
    0.1
    """
    image -= image % every_images
    with localcontext() as context:
        context.prec = 40
        first = Decimal(repr(start)) * n_images
        if image <= first or end == 1:
            return Decimal(1)
        share = (image - first) / (n_images - first)
        return (Decimal(repr(end)).ln() * share).exp()
