"""Keyword search: the analyzer and the indexes behind the port KeywordIndex."""
