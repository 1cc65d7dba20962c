"""Coding exercises: what is run, what is asked of one before it is kept, and how a wrong one is repaired.

- `running.py` runs a solution against tests and gives a `Verdict`; `python_run.py` and `verilog_run.py` know how.
- `verifying.py` decides whether an exercise may be kept: `python_mutants.py` and `verilog_mutants.py` make wrong
  solutions that its tests have to notice.
- `repairing.py` asks an endpoint for a better version; `weakening.py` refuses one whose tests ask for less.
"""
