"""What the fairness audit is made of: groups, their tallies, disparities, figures and words."""
