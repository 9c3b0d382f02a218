"""The guard: a program of its own on the host, which stops the pod when nobody needs it any more.

Its rules are :mod:`labeltui.domain.guard.rules` and ``stopping``; the zip file carries that one copy of them.

``state_files``  where things are, and who may write what
``activity``     what shows that the pod is in use
``work``         what runs that must not be interrupted
``labels``       the labels on disk, and which of them a desk has
``runpod``       the keys that may stop the pod, none of them proven until used
``stopper``      sends stops, and watches what comes of them
``budget``       what the session has cost
``main``         the loop
``requests``     what consoles ask, answered inside the agent
"""
