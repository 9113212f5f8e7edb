"""A run: `supervisor` gets its process (`run_processes`, or `warm_process` with `warm_protocol`) and hands it
the job (`child_protocol`); `process_limits` bounds the process, `run_context` holds what the run works with,
`run_tally` counts, `run_outcome` writes the end.
"""
