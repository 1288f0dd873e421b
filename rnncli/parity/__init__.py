"""The heart: is it the same function?"""
