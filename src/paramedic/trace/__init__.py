"""The recording's file: written while the program runs, readable by another process at any moment.

`writer` is used inside the observed program, so it imports the standard library's C modules only; `reader` outside.
"""
