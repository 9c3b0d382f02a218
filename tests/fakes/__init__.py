"""A session's surroundings, in memory: a host with its agent, a MONAI Label server, an account of RunPod.

Nothing here starts a process, opens a port or touches another file than those under the test's own folder, and all
of it may run in virtual time (:func:`tests.virtual_time.in_virtual_time`). For example::

    @in_virtual_time
    async def test_a_server_is_started(tmp_path: Path) -> None:
        host, server = MemoryHost(), FakeMonaiLabel()
        host.install()
        host.agent.programs["server"] = server.run
        server.up = False
        async with memory_session(tmp_path, host=host, server=server) as session:
            document = await run_action(session, "server.start", {}, RecordingReport(), confirmed=True)
        assert document["state"] == "running"

``host.py`` describes how commands and files are scripted, ``agent.py`` jobs, ``monailabel.py`` the server's
answers, ``account.py`` the RunPod account, and ``session.py`` the session over all of them.
"""
