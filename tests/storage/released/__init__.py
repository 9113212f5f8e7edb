"""What each released schema's tables held, one file a revision: the past that every upgrade starts from."""
