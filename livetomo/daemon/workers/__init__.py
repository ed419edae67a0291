"""Run jobs: the worker process, and the supervisor's side of it."""
