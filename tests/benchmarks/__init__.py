"""Benchmarks: they print figures and assert nothing. Machines are noisy, so what counts are ratios within one run."""
