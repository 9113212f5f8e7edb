"""What a signed-in person may see: every question of the console, its API and its exports to the database.

Each function takes a `Visibility` after the session and leaves out what it does not include, so that no page
can forget to. A test goes through the signatures; another one keeps web/ from the other modules of storage.
"""
