"""Typed configurations of a run, a task and a group."""
