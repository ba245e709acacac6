"""Proof of an app: every choice of its form goes through real Ruby, and is compared with the plan.

`ruby` evaluates, `form` and `choices` know what a user can do, `predict` says what reaches the
scheduler, `run` brings them together. Nothing here plans or renders.
"""
