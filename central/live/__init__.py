"""The live page: admissions and refusals as they happen."""
