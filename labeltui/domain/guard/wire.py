"""Names in the guard's requests, answers and files.

Consoles and guards of older versions read and write them too, so these values never change, although the code
now uses better names. The guard's program includes this module.
"""

from __future__ import annotations

DESIRED = "wish"  # the desired settings, in the request ``ensure`` and in every answer
METHOD, METHODS = "way", "ways"  # the key of the next stop, and all keys, in the guard's state
MISSING_METHODS = "missing_ways"  # why other keys can't be used, in the guard's state
LAST_SEEN = "seen"  # the last time of each kind of activity, in the guard's state
DESIRED_FILE = "wish.json"
AGENT_LOCK_FILE = "door.lock"
WITHOUT_KEY = "without_key"  # why the guard has no operator's key, in the desired settings
