"""Words of the operators' own in place of those that come along: where they apply, and whether they are any good."""
