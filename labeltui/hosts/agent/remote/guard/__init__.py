"""The guard: a program of its own on the host, which stops the pod when nobody needs it any more.

Its rules are :mod:`labeltui.domain.guard.rules`; the zip file carries that one copy of them.

``state_files``  where things are, and who may write what
``activity``     what shows that the pod is in use
``work``         what runs that must not be interrupted
``labels``       the labels on disk, and which of them a desk has
``runpod``       the ways to stop the pod, each proven before it is needed
``budget``       what the session has cost
``main``         the loop
``requests``     what consoles ask, answered inside the agent
"""
