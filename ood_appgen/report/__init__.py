"""Findings as people and other programs read them: one module for each form."""
