"""Dovetail in an editor: a language server (extra `editor`), and the words that a highlighter needs."""
