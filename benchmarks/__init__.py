"""benchmarks: opsctl beside ansible-playbook, mitogen and pyinfra, on the same lab hosts.

`run.py` is what `make bench` calls. convergence/ holds what the others are told to do.
"""
