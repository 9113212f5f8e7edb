"""The bytes as they were published: the only place that holds them unmasked."""
