"""What gpiozero raises: its errors, and those of the pin library below, which it lets through."""

from gpiozero import GPIOZeroError

FAILURES: tuple[type[Exception], ...] = (GPIOZeroError, OSError, ValueError, RuntimeError)
try:
    import lgpio
except ImportError:
    pass  # Another pin library, or none: then gpiozero says so when a pin is first used.
else:
    FAILURES = (*FAILURES, lgpio.error)
