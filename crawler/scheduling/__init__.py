"""When a source is due (`source_slots`, `run_schedule`), and when its site may be read (`site_board`,
`site_turns`, with what `site_index` keeps of all sources).
"""
