"""The implementation under inspection: found, read, and given one form."""
