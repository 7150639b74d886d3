"""What is done to a ticket after it was sold: block, refund, reschedule, reissue, undo."""
