"""The guard: a program of its own on the host, which stops the pod when nobody needs it any more.

Python 3.8 and the standard library. It travels as one zip file, with :mod:`labeltui.domain.guard.rules` and
the agent's own file in it; the modules here are never imported by the console, except to be tested.

``files``     where things are, and who may write what
``signs``     what shows that the pod is in use
``work``      what runs that must not be interrupted
``labels``    the labels on disk, and which of them a desk has
``runpod``    the ways to stop the pod, each proven before it is needed
``program``   the loop
``door``      what consoles ask, answered inside the agent
"""
