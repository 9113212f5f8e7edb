"""The rows of each released schema, one file per revision, from which upgrades are tested."""
