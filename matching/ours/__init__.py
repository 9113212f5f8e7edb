"""Is it ours? The share of a sample's rows that belong to a company's customers, with a verdict."""
