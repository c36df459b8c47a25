"""Pure planning: desired and observed in, an ordered Plan out."""
