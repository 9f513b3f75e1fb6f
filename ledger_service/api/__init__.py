"""The HTTP front door: parse, authorise, call one service, render.

It owns the routes (one declaration each, ``routes.Route``), the strict JSON door, problem documents,
rate limits, request ids and logs, metrics, cursors and the OpenAPI document. It never commits, never
decides a business rule and never lets an exception's text out.
"""
