"""Records that go over several lines: what a line is, what is nested, and where a record begins and ends."""
