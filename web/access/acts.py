"""What entries of the audit log call the acts of signing in, and of looking after people."""

SIGN_IN = "sign_in"
SIGN_IN_FAILED = "sign_in_failed"
SIGN_OUT = "sign_out"
SESSION_ENDED = "session_ended"
PERSON_INVITED = "person_invited"
PERSON_CHANGED = "person_changed"
SECOND_FACTOR_CHANGED = "second_factor_changed"
