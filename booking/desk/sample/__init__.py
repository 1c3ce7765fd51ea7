"""A season to try everything with: cohorts, a team, trainees and their proof, all invented and marked as sample."""
