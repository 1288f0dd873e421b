"""The procedure that ends in a verdict: match, mismatch or not-comparable."""
