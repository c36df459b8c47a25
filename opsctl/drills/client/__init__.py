"""The program that a drill runs on a host or in a pod: writes at a steady pace, remembers, reads
back. Standard library of Python 3.11 only; `opsctl.drills.program` packs it into one text.
"""
