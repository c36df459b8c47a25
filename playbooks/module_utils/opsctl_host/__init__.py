"""The part of opsctl that runs on a host: standard library only, Python 3.9 and newer.

The same code looks (sent over ssh on standard input, see agent.py) and changes (as the Ansible
module opsctl_converge), so there is one definition of what each kind of thing is.
"""
