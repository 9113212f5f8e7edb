"""What is deleted, and when: the daily pass by age, erasures by a person, and what both leave behind.

- policy: the table of rules: which rows of which kind go, and why
- passes: a pass of retention, which carries out the rules in small transactions
- preview: what a pass would delete now
- erasure: a listing or a company, at a person's wish
- erasing_files: the bytes of records that no row points at any more
- scrubbing: free pages, indexes and the write-ahead log, after an erasure
- growth: how fast the disk fills
"""
