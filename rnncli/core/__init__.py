"""What everything else speaks of, without torch: cases, shapes, records, errors."""
