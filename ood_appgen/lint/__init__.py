"""The linter: reads an app as Open OnDemand would, runs none of it, and says what is wrong.

A rule is one file in `rules/`; `rule` says what is in it, `app` what it may ask.
"""
