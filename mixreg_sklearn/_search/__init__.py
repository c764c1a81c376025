"""The search for the best optimum: starts, arms, sample, choice, record."""
