"""The package that is sent to a host: agent and guard, in one zip file that Python runs.

It needs Python 3.8 or later and nothing but the standard library. The console never imports these modules: it
sends them (``package.py``) and exchanges messages with them (``client.py``). Tests import them to call them
in-process. ``main`` the command line of the zip file ``agent`` requests and answers; ``wire`` writes them
``jobs`` processes that outlive the connection; ``runner`` waits for one ``programs`` short-lived programs in
the server's environment ``tail`` files that are followed as they grow ``labels`` label files and their
checksums ``uploads`` receives files of studies, on a channel of its own ``installation`` the installed packages
and files, and whether the server can start ``load`` processor, memory, disk and GPU, and the sum of a volume's
files ``orphans`` tasks whose server has ended; ``servers`` all servers of this user ``guard`` stops the pod
when it is idle
"""
