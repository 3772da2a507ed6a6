"""Whom a model fails: metrics and disparities by group, proxies, and what mitigation costs."""
