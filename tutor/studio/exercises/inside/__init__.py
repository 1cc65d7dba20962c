"""What runs inside the sandboxes of a Python exercise; only the standard library is there. Nothing here is imported
by the application: the files are copied in.

A solution and its tests run in two sandboxes that share nothing but a pipe. On it go calls, and values as data; so the
code under test can neither see nor touch the tests, their runner or the verdict.

- `solution_side.py` runs the solution and answers calls.
- `tests_side.py` runs the tests against what stands for the solution, counts what they check, and reports.
- `wire.py` is the pipe's protocol, `values.py` what may cross it, `remote.py` what stands for the other side's objects.
- `fence.py` ends a process that tries what no exercise needs, so that an `except` cannot hide the attempt.
- `pytest.py` is the little of pytest that tests of exercises use.
"""
