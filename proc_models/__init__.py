"""CPU ProcessModels in fixed point. How each Process computes."""
