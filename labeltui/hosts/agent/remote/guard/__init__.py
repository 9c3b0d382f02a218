"""The guard: a separate program on the host that stops the pod when nobody uses it any more.

Its rules are the modules ``rules`` and ``stopping`` of :mod:`labeltui.domain.guard`, which the zip file
includes. ``state_files`` the guard's files, and who may write each ``activity`` detects that the pod is in use
``work`` lists running tasks that must not be interrupted ``labels`` the labels on disk, and which of them were
copied to a desk ``runpod`` the keys that may stop the pod; only a stop proves that a key may ``stopper`` sends
stops, and checks whether they had an effect ``budget`` the cost of the session so far ``main`` the loop
``requests`` the requests of consoles, answered inside the agent
"""
