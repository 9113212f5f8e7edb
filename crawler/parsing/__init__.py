"""From a captured page to its parts (`page_parsing`, `cpu_limit`), or to the wall in its place (`walls`)."""
