"""What all tests share: none of them is failed for being slow."""

from hypothesis import settings

settings.register_profile("gatehouse", deadline=None)
settings.load_profile("gatehouse")
