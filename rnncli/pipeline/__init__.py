"""Cases from their arguments to their records: one, many, saved and merged."""
