"""The four APIs as fast as this machine can serve them: no limits, no story, answers made from templates. See benchmarks/serve.py."""
