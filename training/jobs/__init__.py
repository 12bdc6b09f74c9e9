"""Background work: detached processes, locks and the queue."""
