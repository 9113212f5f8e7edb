"""When a source is due (`source_slots`, `run_schedule`), and when its site may be asked (`site_turns`)."""
