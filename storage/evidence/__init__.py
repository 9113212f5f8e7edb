"""The evidence: what was published, byte for byte. Nothing else holds it unmasked."""
