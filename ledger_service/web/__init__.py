"""The screens: pages of a browser over the declared API, and nothing that the API cannot do.

A page's handler reads a form, asks declared routes in process (``ports.Api``) and renders a template. Roles,
money, races and refusals are decided behind those routes, once; here live sessions, languages and looks. The
room keeps ``web_session`` alone, of which the cookie's hash tells nobody anything. It never sees a pay code's
key, a PIN at rest, or an API key after its holder has entered it.
"""
