"""The rows every other part reads and writes, one module a noun, and the evidence files beside them."""
