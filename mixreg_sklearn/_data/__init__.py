"""What the user gave: columns, groups, weights, constraints, validated."""
