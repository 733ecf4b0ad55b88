"""Reads task files: parse one file, index the names, resolve names to a tree, build tasks from the tree."""
